"""Run every notebook with the newest versions of all that the course depends on:

    python3 -m tests.newest [NOTEBOOK OR FOLDER ...]

The pins of constraints.txt keep the course as it was tested, and say nothing of next year. This
makes an environment without them in a temporary folder, runs the notebooks in it strictly, as
`make test` does, and prints which versions were tried and how each notebook ended, with the first
difference of one that broke. One that broke among others is run once more, alone: a busy machine
breaks a notebook too, and that is told apart. The exit status is 1 when one broke alone, or when
the newest versions cannot be installed together. The environment is removed, and `.venv` is not
touched.

It needs a network, Python 3.11 or newer, and nothing that is not in the standard library: a
scheduled job starts it on a fresh clone.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from labsupport.bootstrap import PREPARE, Environment, Problem, base_python
from tests.everything import NOTEBOOKS, ROOT, STRICTLY

SHOWN = 12  # lines of a difference
WIDE = 160  # characters of such a line
COLOURS = re.compile(r"(?:\x1b|#x1B)\[[0-9;]*m")  # junitxml writes the escape character as #x1B
VERSIONS = (
    "import importlib.metadata as m, json;"
    "print(json.dumps({each.name: each.version for each in m.distributions()}))"
)


class Newest(Environment):
    """An environment for the course in a folder of its own, without pins."""

    pins = ()

    def make(self) -> None:
        """Install what the course and its tests need. Raises Problem."""
        self.call("making the environment", [base_python(), "-m", "venv", str(self.folder)])
        self.install(("test",))
        self.call("importing what the first start needs", [str(self.python), *PREPARE])

    def versions(self) -> dict[str, str]:
        """The version of each package that is installed in it."""
        asked = [str(self.python), "-c", VERSIONS]
        done = subprocess.run(
            asked, env=self.variables(), stdout=subprocess.PIPE, text=True, check=True
        )
        return {plain(name): version for name, version in json.loads(done.stdout).items()}

    def listed(self) -> list[str]:
        """The packages that pyproject.toml lists for the course and its tests, by their plain
        names; not the course itself, through which its tests list an extra."""
        project = self.declared()["project"]
        lists = [project["dependencies"], project["optional-dependencies"]["test"]]
        names = [plain(re.split(r"[^\w.-]", text)[0]) for each in lists for text in each]
        return [name for name in names if name != plain(project["name"])]

    def pinned(self) -> dict[str, str]:
        """The version that constraints.txt has of each package."""
        lines = self.read("constraints.txt").splitlines()
        pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
        return {plain(name): version for name, version in pairs}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a notebook ended. broke: in which of its items first. said: what was different there.

    alone: whether it passed when it was run again, alone.
    """

    notebook: str
    broke: str = ""
    said: str = ""
    alone: bool = False


def plain(name: str) -> str:
    """A package's name as it is compared (packaging.python.org, "Name normalization")."""
    return re.sub(r"[-_.]+", "-", name).lower()


def found(root: Path, paths: Sequence[str]) -> list[str]:
    """The notebooks that are or lie below these paths, relative to the root. Raises Problem."""
    notebooks: set[str] = set()
    for path in paths:
        place = (root / path).resolve()
        if not place.exists() or not place.is_relative_to(root):
            raise Problem(f"There is no {path} in {root}.")
        for file in [place] if place.is_file() else place.rglob("*.ipynb"):
            if ".ipynb_checkpoints" not in file.parts:
                notebooks.add(file.relative_to(root).as_posix())
    if not notebooks:
        raise Problem(f"There is no notebook in {', '.join(paths)}.")
    return sorted(notebooks)


def run(
    python: str, variables: Mapping[str, str], root: Path, notebooks: Sequence[str]
) -> list[Outcome]:
    """Run notebooks strictly with this Python, and those that break once more, each alone."""
    ended = []
    for first in _run(python, variables, root, notebooks):
        if first.broke:
            (second,) = _run(python, variables, root, [first.notebook], "-n", "0")
            ended.append(second if second.broke else replace(first, alone=True))
        else:
            ended.append(first)
    return ended


def _run(
    python: str,
    variables: Mapping[str, str],
    root: Path,
    notebooks: Sequence[str],
    *options: str,
) -> list[Outcome]:
    with tempfile.TemporaryDirectory(prefix="labsupport-newest-") as scratch:
        report = Path(scratch, "report.xml")
        subprocess.run(
            [python, "-m", "pytest", "-q", f"--junitxml={report}", *STRICTLY, *options, *notebooks],
            cwd=root,
            env={**variables, "LABSUPPORT_STATE": scratch},
            stdin=subprocess.DEVNULL,
            check=False,  # the report says what failed; what is not in it did not run
        )
        cases = list(ElementTree.parse(report).iter("testcase")) if report.exists() else []
    return list(outcomes(cases, notebooks))


def outcomes(cases: Sequence[ElementTree.Element], notebooks: Iterable[str]) -> Iterator[Outcome]:
    """Sum a report up by notebooks. One with no item in the report did not run, and so broke."""
    for notebook in notebooks:
        named = notebook.replace("/", ".")  # as junitxml names files
        own = [case for case in cases if named in (case.get("classname"), case.get("name"))]
        faults = [(case, part) for case in own for part in case if part.tag in ("failure", "error")]
        if faults:
            case, part = faults[0]
            said = COLOURS.sub("", part.text or part.get("message") or "")
            yield Outcome(notebook, case.get("name") or "", said)
        elif own:
            yield Outcome(notebook)
        else:
            yield Outcome(notebook, "before it ran", "pytest says nothing of it; see above")


def versions_told(
    listed: Sequence[str], pinned: Mapping[str, str], tried: Mapping[str, str]
) -> Iterator[str]:
    """A table of the packages that the course lists, and of all others that differ from pins."""
    others = [name for name in tried if name not in listed and name in pinned]
    changed = [name for name in others if tried[name] != pinned[name]]
    rows = [("package", "pinned", "tried", "")]
    for name in (*listed, *sorted(changed)):
        was, now = pinned.get(name, "-"), tried.get(name, "not installed")
        rows.append((name, was, now, "" if was == now else "changed"))
    wide = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, [*wide, 0], strict=True))


def outcomes_told(ended: Sequence[Outcome]) -> Iterator[str]:
    """Each notebook with how it ended, and of those that broke the first difference."""
    for each in ended:
        passed = not each.broke or each.alone
        yield f"{'passed' if passed else 'BROKE '}  {each.notebook}{', alone' * each.alone}"
        if each.broke:
            lines = [line.rstrip()[:WIDE] for line in each.said.splitlines() if line.strip()]
            yield f"        first in {each.broke!r}:"
            yield from (f"            {line}" for line in lines[:SHOWN])
            if len(lines) > SHOWN:
                yield f"            ... {len(lines) - SHOWN} lines more, above"
    broke = len(broken(ended))
    yield f"{len(ended) - broke} passed, {broke} broke"


def broken(ended: Iterable[Outcome]) -> list[str]:
    """The notebooks that broke, also alone."""
    return [each.notebook for each in ended if each.broke and not each.alone]


def main(paths: Sequence[str]) -> int:
    """Do all of it; the exit status."""
    try:
        notebooks = found(ROOT, paths or NOTEBOOKS)
        with tempfile.TemporaryDirectory(prefix="labsupport-newest-") as folder:
            newest = Newest(ROOT, Path(folder, "environment"))
            newest.make()
            table = versions_told(newest.listed(), newest.pinned(), newest.versions())
            ended = run(str(newest.python), newest.variables(), ROOT, notebooks)
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    print("\n=== Versions", *table, "\n=== Notebooks", *outcomes_told(ended), sep="\n", flush=True)
    return 1 if broken(ended) else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
