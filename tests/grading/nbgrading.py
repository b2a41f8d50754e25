"""A class under nbgrader itself: its course folder, inside a course's folder.

nbgrader lies apart from what JupyterLab sees (labsupport/bootstrap.py). Only the processes that are
started here find it, by PYTHONPATH, and by PATH its command `alembic`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from labsupport.checking import Answer
from tests.notebooks.files import as_text, read
from tests.promises import course

__all__ = ["APART", "Classroom", "answers_in", "run"]

APART = Path(sys.prefix) / "nbgrader"
ASSIGNMENT = "sockets"
OURS = ("PYTEST_CURRENT_TEST", "MPLBACKEND", "LABSUPPORT_STATE", "JPY_SESSION_NAME")
CONFIG = "c = get_config()\nc.Execute.timeout = 600\n"  # seconds for a cell; 30 by default
SCORES = """
import json
from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    print(json.dumps({
        submission.student.id: {
            grade.cell.name: [grade.auto_score, grade.max_score]
            for notebook in submission.notebooks for grade in notebook.grades
        }
        for submission in book.assignment_submissions(%r)
    }))
"""

Score = tuple[float | None, float]


def run(
    *words: str, folder: Path, home: Path, said: str = "", seconds: float = 600
) -> subprocess.CompletedProcess[str]:
    """Run this Python, with nbgrader, in a folder. home: for what Jupyter keeps of a user."""
    home.mkdir(exist_ok=True)  # without it IPython makes temporary folders, and leaves them
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    paths = {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(APART), kept.get("PYTHONPATH")])),
        "PATH": os.pathsep.join([str(APART / "bin"), kept.get("PATH", os.defpath)]),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
    }
    return subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env=kept | paths,
        input=said,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=seconds,
        check=False,
    )


def answers_in(path: Path, slugs: list[str]) -> dict[str, str]:
    """The answers that a notebook holds, by slug."""
    return {slug: Answer.from_path(path, slug).source for slug in slugs}


class Classroom:
    """nbgrader's course folder, `class`, in the folder of a course."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.folder = root / "class"
        self.home = home
        (self.folder / "source" / ASSIGNMENT).mkdir(parents=True)
        (self.folder / "nbgrader_config.py").write_text(CONFIG)

    def add(self, notebook: Path) -> None:
        """Make a notebook a part of the assignment, before it is generated."""
        shutil.copy(notebook, self.folder / "source" / ASSIGNMENT)

    def nbgrader(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of nbgrader for the assignment."""
        return run("-m", "nbgrader", command, ASSIGNMENT, folder=self.folder, home=self.home)

    @property
    def release(self) -> Path:
        """What `generate_assignment` makes for learners."""
        return self.folder / "release" / ASSIGNMENT

    def hand_in(self, student: str, answers: Mapping[str, str]) -> None:
        """Hand in the released notebooks with these answers, by slug; stubs stay where is none."""
        place = self.folder / "submitted" / student / ASSIGNMENT
        place.mkdir(parents=True)
        for released in self.release.glob("*.ipynb"):
            notebook = read(released)
            for cell in course.code(notebook):
                magic, _, slug = cell.source.partition("\n")[0].partition(" ")
                if magic == "%%answer" and slug in answers:
                    cell.source = f"%%answer {slug}\n{answers[slug]}"
            (place / released.name).write_text(as_text(notebook), encoding="utf-8")

    def scores(self) -> dict[str, dict[str, Score]]:
        """nbgrader's points, and how many there are, by student and slug."""
        done = run("-c", SCORES % ASSIGNMENT, folder=self.folder, home=self.home)
        assert done.returncode == 0, done.stderr
        read: dict[str, dict[str, list[float]]] = json.loads(done.stdout)
        return {
            student: {name.replace("-", "."): (points[0], points[1]) for name, points in of.items()}
            for student, of in read.items()
        }
