"""A tiny course to install: the real bootstrap.py, and stand-ins for all that is big."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.setup import builder

ROOT = Path(__file__).resolve().parents[2]

INSTALLED = 150
"""Seconds for an installation to end: about 10 on a machine that has nothing else to do."""

PYPROJECT = """
[build-system]
requires = []
build-backend = "builder"
backend-path = ["."]

[project]
name = "labsupport"
version = "1.0"
dependencies = ["toy"]

[project.optional-dependencies]
test = ["toytest"]
nbgrader = ["toyapart"]
"""

SHOW = """
import sys
print("started", __name__ if __spec__ is None else __spec__.name, sys.argv[1:])
print("prefix", sys.prefix)
import toy
"""


class Course:
    """A folder like the course's, installable in seconds and without a network."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.stamp = root / ".venv" / "labsupport-stamp.json"
        self.pins = root / "constraints.txt"
        wheels = root / "wheels"
        temporary = root / "tmp"
        for folder in (root / "labsupport", root / "tests", wheels, temporary):
            folder.mkdir(parents=True)
        shutil.copy(ROOT / "labsupport" / "bootstrap.py", root / "labsupport")
        shutil.copy(builder.__file__, root)
        for file, text in {
            "labsupport/__init__.py": "",
            "labsupport/lab.py": SHOW,
            "tests/everything.py": SHOW + "import toytest\n",
            "pyproject.toml": PYPROJECT,
            "constraints.txt": "toy==1.0\ntoytest==1.0\ntoyapart==1.0\n",
        }.items():
            (root / file).write_text(text)
        builder.wheel(str(wheels), "toy", {"toy.py": ""}, [])
        builder.wheel(str(wheels), "toytest", {"toytest.py": ""}, [])
        builder.wheel(str(wheels), "toyapart", {"toyapart.py": ""}, ["toy", "absent"])
        own = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        self.variables = {
            **own,
            "TMPDIR": str(temporary),  # a killed pip leaves its own there
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": wheels.as_uri(),  # pip splits this at spaces
        }

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start the bootstrap; its output, with errors, is one text stream."""
        return subprocess.Popen(
            [sys.executable, str(self.root / "labsupport" / "bootstrap.py"), *arguments],
            env={**self.variables, **variables},
            cwd=self.root.parent,  # it must not matter where it is started from
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run the bootstrap to its end: its exit code, its output."""
        with self.start(*arguments, **variables) as process:
            try:
                said, _ = process.communicate(timeout=INSTALLED)
            except BaseException:
                process.kill()
                raise
        return process.returncode, said


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """A tiny course in a folder whose name has a space and a letter outside of ASCII."""
    folder = tmp_path_factory.mktemp("setup") / "a coursé"
    yield Course(folder)
    shutil.rmtree(folder)
