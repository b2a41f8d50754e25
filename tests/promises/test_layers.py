"""The rooms of labsupport are on floors, and imports point down.

An upper floor may import a lower one, never the other way; rooms of one floor do not know each
other. On the ground some rooms stand on others, as `GROUND` says. An import for types only counts
too: a room that needs a name of the floor above knows of it.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.notebooks.files import ROOT
from tests.promises import course, python
from tests.promises.python import Source

# The rooms of the ground, and those on which each stands.
GROUND: dict[str, set[str]] = {
    "bootstrap": set(),
    "lab": set(),
    "clock": set(),
    "history": {"clock"},
    "lessons": {"history"},
    "trace": {"clock"},
    "recording": {"clock", "trace"},
    "link": {"clock", "sockdiag", "trace"},
    "ends": {"clock", "link", "recording", "trace"},
    "serving": {"clock"},
    "meters": {"clock", "sockdiag", "trace"},
    "sockdiag": set(),
    "http1": set(),
    "phases": {"clock"},
}
UPPER: tuple[set[str], ...] = (
    {"crowd", "pictures", "predictions", "twins"},
    {"checking"},
    {"grading"},
    {"publishing"},
    {"cli", "classroom", "notebook"},
)
# Rooms that start a server of the course are told by `lab` how.
STARTS_LAB = {"classroom"}
# Files that are a part of another file's room.
PART_OF = {
    "load": "crowd",
    "openloop": "crowd",
    "storm": "crowd",
    "pcap": "trace",
    "transcript": "trace",
    "terminal": "cli",
    "standing": "cli",
    "progress": "cli",
    "watching": "cli",
    "marking": "cli",
    "similar": "cli",
    "doctor": "cli",
}
FACE = "__init__"  # labsupport itself: it names every room, and nothing in labsupport asks it


def may_import(room: str) -> set[str] | None:
    """The rooms that a room may import; None for a room that stands on no floor."""
    if room in GROUND:
        return GROUND[room]
    below = set(GROUND) - {"bootstrap", "lab"}
    for floor in UPPER:
        if room in floor:
            return below | ({"lab"} if room in STARTS_LAB else set())
        below |= floor
    return None


def room_of(name: str) -> str:
    """The room of a dotted name below labsupport, or of a file's path there."""
    first = name.split(".")[0]
    return PART_OF.get(first, first)


@pytest.mark.parametrize("path", python.files("labsupport"), ids=course.short)
def test_imports_point_down(path: Path) -> None:
    inside = path.relative_to(ROOT / "labsupport").with_suffix("").as_posix().replace("/", ".")
    room = room_of(inside)
    if room == FACE:
        return
    assert may_import(room) is not None, f"{course.short(path)} stands on no floor: say on which"
    package = path.parent.relative_to(ROOT).as_posix().replace("/", ".")
    assert faults(python.source(path), room, package) == []


def faults(source: Source, room: str, package: str = "labsupport") -> list[str]:
    """Imports of labsupport that do not point down from `room`; `package` holds the file."""
    allowed = (may_import(room) or set()) | {room}
    return [
        f"{source.where}, line {line}: {room} may not import {seen}"
        for line, seen in rooms_imported(source.tree(), package)
        if seen not in allowed
    ]


def rooms_imported(tree: ast.Module, package: str) -> list[tuple[int, str]]:
    """Each room of labsupport that is imported, with the line; the face by its own name."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(level=level, module=module):
                parts = package.split(".")[: 1 - level or None] if level else []
                base = ".".join([*parts, *([module] if module else [])])
                names = [base]
                if base == "labsupport":
                    names = [
                        f"labsupport.{alias.name}"
                        for alias in node.names
                        if alias.name != "__version__"
                    ]
            case _:
                continue
        for name in names:
            if name == "labsupport":
                found.append((node.lineno, FACE))
            elif name.startswith("labsupport."):
                found.append((node.lineno, room_of(name.removeprefix("labsupport."))))
    return found


def test_importing_the_package_loads_nothing_heavy() -> None:
    probe = "import labsupport, sys; print(*sorted(set(sys.modules)), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert loaded & {"matplotlib", "numpy", "tornado", "psutil", "asyncio", "IPython"} == set()


def test_bootstrap_needs_the_standard_library_only(tmp_path: Path) -> None:
    tree = python.source(ROOT / "labsupport" / "bootstrap.py").tree()
    assert imported(tree) - set(sys.stdlib_module_names) == set()
    done = subprocess.run(
        [sys.executable, "-S", "-I", str(ROOT / "labsupport" / "bootstrap.py"), "--help"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", python.files("exercises", "solutions"), ids=course.short)
def test_checks_import_what_the_course_installs(path: Path) -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    packages = {name.replace("-", "_") for name in declared["dependencies"]}
    allowed = packages | {"labsupport"} | set(sys.stdlib_module_names)
    allowed |= {other.stem for other in path.parent.glob("*.py")}
    assert imported(python.source(path).tree()) - allowed == set()


def imported(tree: ast.Module) -> set[str]:
    """The first parts of all imported names."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize(
    ("room", "text"),
    [
        ("clock", "from labsupport.trace import Trace"),
        ("trace", "import labsupport.pictures.ladder"),
        ("link", "from labsupport import serving"),
        ("pictures", "from labsupport.predictions import settle"),
        ("checking", "def f():\n    from labsupport.notebook import x"),
        ("serving", "from labsupport import serve"),
        ("link", "from ..serving import x"),
        ("cli", "from labsupport.notebook import x"),
        ("checking", "import labsupport"),
    ],
)
def test_an_import_that_points_up_or_sideways_is_found(room: str, text: str) -> None:
    assert len(faults(Source("example", text), room, f"labsupport.{room}")) == 1


@pytest.mark.parametrize(
    ("room", "text"),
    [
        ("trace", "from labsupport.clock import now\nfrom labsupport.pcap import write"),
        ("link", "from labsupport.link.loop import Loop"),
        ("link", "from . import loop\nfrom .loop import Loop\nfrom ..clock import now"),
        ("checking", "from labsupport import pictures"),
        ("cli", "from labsupport import __version__"),
        ("notebook", "import labsupport.checking.engine, socket"),
    ],
)
def test_an_import_that_points_down_is_accepted(room: str, text: str) -> None:
    assert faults(Source("example", text), room, f"labsupport.{room}") == []
