"""What cannot work says so: what was wrong, and what to do."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from labsupport import bootstrap
from labsupport.bootstrap import Environment, Problem
from tests.setup.conftest import Course

ROOT = Path(__file__).resolve().parents[2]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def tiny(tmp_path: Path) -> Course:
    return Course(tmp_path / "course")


def no_installation(self: Environment, *arguments: object) -> None:
    raise AssertionError("this must be found before anything is installed")


def contents(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".venv-lock")


def test_an_old_python_is_told_what_the_course_needs_and_how_to_name_another() -> None:
    said = bootstrap.too_old((3, 8, 10))
    assert "needs Python 3.11 or newer, this is 3.8.10" in said
    assert "PYTHON=python3.11" in said or "py -3.11" in said


@pytest.mark.skipif(os.name == "nt", reason="Windows' py finds the versions by itself")
def test_an_old_python_names_a_newer_one_that_is_there() -> None:
    assert "make lab PYTHON=python3.13" in bootstrap.too_old((3, 8, 10), ["python3.13"])


def test_the_bootstrap_parses_and_loads_nothing_new_on_python_3_8() -> None:
    source = (ROOT / "labsupport" / "bootstrap.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 8))
    top = {
        (name.name if isinstance(node, ast.Import) else str(node.module)).split(".")[0]
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    }
    assert top <= sys.stdlib_module_names | {"__future__"}
    assert "tomllib" not in top


def test_an_old_python_on_this_machine_gets_the_message_and_exit_code_1() -> None:
    olds = [
        path
        for path in (shutil.which(f"python3.{minor}") for minor in (10, 9, 8))
        if path is not None
        if subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0
    ]
    if not olds:
        pytest.skip("no Python older than 3.11 on PATH")
    script = str(ROOT / "labsupport" / "bootstrap.py")
    done = subprocess.run([olds[-1], script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr


@pytest.mark.parametrize("debian", [True, False])
def test_a_python_without_venv_is_told_which_package_is_missing(debian: bool) -> None:
    said = bootstrap.without_venv(["ensurepip"], debian=debian)
    assert "comes without ensurepip" in said
    assert ("sudo apt install python3" in said) is debian


def test_a_missing_ensurepip_is_found_before_anything_is_made(
    tiny: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "missing_parts", lambda: ["ensurepip"])
    monkeypatch.setattr(Environment, "call", no_installation)
    before = contents(tiny.root)
    with pytest.raises(Problem, match="comes without ensurepip"):
        Environment(tiny.root).ensure()
    assert contents(tiny.root) == before


def test_an_almost_full_disk_is_found_before_anything_is_made(
    tiny: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10**10, 10**10, 5_000_000))
    monkeypatch.setattr(Environment, "call", no_installation)
    before = contents(tiny.root)
    with pytest.raises(Problem, match="5 MB are free"):
        Environment(tiny.root).ensure()
    assert contents(tiny.root) == before


def test_a_folder_that_cannot_be_written_to_is_named(tiny: Course) -> None:
    # A folder in the lock's place refuses to be opened, also for root, as a read-only one would.
    (tiny.root / ".venv-lock").mkdir()
    with pytest.raises(Problem, match="cannot be written to"):
        Environment(tiny.root).ensure()


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_course_that_is_not_complete_names_the_missing_file(tiny: Course, name: str) -> None:
    (tiny.root / name).unlink()
    with pytest.raises(Problem, match=f"not complete: {name}"):
        Environment(tiny.root).ensure()


def test_somebody_elses_environment_is_left_alone(tiny: Course) -> None:
    theirs = tiny.root / ".venv" / "pyvenv.cfg"
    theirs.parent.mkdir()
    theirs.write_text("home = /somewhere\n")
    code, said = tiny.run("lab")
    assert code == 1
    assert "did not make" in said
    assert "Rename or delete it" in said
    assert theirs.read_text() == "home = /somewhere\n"


def test_a_stamp_of_other_pins_python_or_place_is_not_believed(tiny: Course) -> None:
    environment = Environment(tiny.root)
    environment.scripts.mkdir(parents=True)
    environment.python.touch()
    environment.write_stamp("ready", ["test"])
    assert environment.is_ready()
    assert environment.is_ready(["test"])

    pyproject = tiny.root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + "\n[tool.ruff]\nline-length = 99\n")
    assert environment.is_ready(), "the settings of a tool change nothing that is installed"

    pins = tiny.pins.read_text()
    tiny.pins.write_text(pins.replace("toy==1.0", "toy==1.1"))
    assert not environment.is_ready()
    tiny.pins.write_text(pins)
    assert environment.is_ready()

    copy = tiny.root.with_name("copy")
    shutil.copytree(tiny.root, copy)
    assert not Environment(copy).is_ready()

    pyproject.write_text(pyproject.read_text().replace('["toy"]', '["toy", "other"]'))
    assert not environment.is_ready()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "building"}', '{"state": "ready"}'])
def test_a_stamp_that_is_torn_or_unfinished_is_not_believed(tiny: Course, text: str) -> None:
    environment = Environment(tiny.root)
    environment.scripts.mkdir(parents=True)
    environment.python.touch()
    environment.stamp.write_text(text)
    assert not environment.is_ready()


def test_an_environment_whose_python_has_gone_is_not_believed(tiny: Course) -> None:
    environment = Environment(tiny.root)
    environment.scripts.mkdir(parents=True)
    environment.write_stamp("ready", [])
    assert not environment.is_ready()


def test_adding_that_did_not_end_leaves_lab_ready_and_test_building_anew(
    tiny: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = Environment(tiny.root)
    environment.scripts.mkdir(parents=True)
    environment.python.touch()
    environment.write_stamp("ready", [], adding=True)
    built = []
    monkeypatch.setattr(Environment, "build", lambda self, extras: built.append(extras))
    environment.ensure()
    assert built == []
    environment.ensure(["test"])
    assert built == [["test"]]


def test_an_environment_put_aside_by_a_killed_run_comes_back(tiny: Course) -> None:
    environment = Environment(tiny.root)
    environment.before.mkdir()
    stamp = environment.before / environment.stamp.name
    stamp.write_text(json.dumps({"state": "ready", "key": environment.key(), "extras": []}))
    scripts = environment.before / environment.scripts.name
    scripts.mkdir()
    (scripts / environment.python.name).touch()
    environment.folder.mkdir()
    environment.write_stamp("building", [])
    environment.ensure()
    assert environment.is_ready()
    assert not environment.before.exists()


@pytest.mark.parametrize(
    ("output", "meaning"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED", "certificate"),
        ("Failed to establish a new connection: [Errno 111] Connection refused", "cannot be rea"),
        ("NameResolutionError: Temporary failure in name resolution", "cannot be reached"),
        ("socket.timeout: Read timed out.", "cannot be reached"),
        ("ERROR: No matching distribution found for toy==9", "no file of a pinned version"),
        ("PermissionError: [Errno 13] Permission denied: '/x'", "cannot be written"),
        ("something never seen before", "The lines above say why"),
    ],
)
def test_what_pip_says_is_put_into_what_to_do(output: str, meaning: str) -> None:
    assert meaning in bootstrap.diagnose(output)
