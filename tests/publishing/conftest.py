"""The course as an instructor has it, in a folder where a test may change it; and its copy."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labsupport.publishing.release import NEEDED, release
from tests.cli.watched import environment
from tests.notebooks.examples import cell, stream, write
from tests.notebooks.files import ROOT

MADE = (".git", ".venv*", ".labsupport", "graded", ".ipynb_checkpoints", "__pycache__")
CACHES = (".mypy_cache", ".pytest_cache", ".ruff_cache", "*.egg-info", "build", "dist")

CHECKS = """\
from labsupport.checking import *

exercise = Exercise(
    "greet", title="A greeting", lesson="00", minutes=1, kind="core", entry="f",
    variant={"letter": "Q"}, variants={"letter": tuple("QXYZ")},
    phrases=lambda variant: [f"`{variant.letter}`"],
)
"""

Labsupport = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", autouse=True)
def _no_other_repository() -> Iterator[None]:
    """A hook of git names its repository in the environment; git is told who commits."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "instructor")
            patch.setenv(f"GIT_{role}_EMAIL", "instructor@example.org")
        yield


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder."""
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def commit(root: Path) -> None:
    """Commit all that lies in a folder; make it a checkout where it is none."""
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "All of it")


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course, all of it committed."""
    root = tmp_path_factory.mktemp("whole") / "course"
    shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*MADE, *CACHES))
    commit(root)
    return root


@pytest.fixture(scope="session")
def copy(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The learners' copy of the course. Nothing may be changed in it."""
    return release(whole, tmp_path_factory.mktemp("class") / "learners").target


@pytest.fixture
def own(copy: Path, tmp_path: Path) -> Path:
    """The copy, as one learner has it."""
    return shutil.copytree(copy, tmp_path / "own")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A course with what a copy needs and one exercise, which was run. It is no checkout."""
    root = tmp_path / "small"
    for name in (*NEEDED, "solutions/hidden/greet.py", "labsupport/cli.py", "notebooks/00_a.ipynb"):
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("" if name == ".gitignore" else f"{name}\n")
    folder = root / "exercises" / "00_greet"
    folder.mkdir()
    (folder / "checks.py").write_text(CHECKS)
    write(folder / "greet.ipynb", cell("%%answer greet\n..."), cell("%check greet", stream("no\n")))
    return root


@pytest.fixture
def labsupport(tmp_path: Path) -> Labsupport:
    """Run `labsupport` in a course, with its own package."""

    def run(root: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "labsupport.cli", *map(str, words)],
            cwd=root,
            env=environment(PYTHONPATH=str(root), LABSUPPORT_STATE=str(tmp_path / "state")),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
        )

    return run
