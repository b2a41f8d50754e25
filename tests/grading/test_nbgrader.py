"""nbgrader itself accepts the exercises, and gives the points that `labsupport grade` gives."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checking.course import Course
from tests.cli.watched import environment
from tests.grading.conftest import RIGHT
from tests.grading.nbgrading import APART, Classroom, answers_in, run
from tests.notebooks.files import ROOT, as_text
from tests.promises import answers, course
from tests.promises.course import code_cell, example

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.usefixtures("_nbgrader")]
EXERCISES = ["greet", "endpoint", "framing"]  # quick ones, two of them with a step


@pytest.fixture(scope="module")
def _nbgrader() -> None:
    if not (APART / "nbgrader").is_dir():
        said = f"nbgrader is not in {APART}: `make test` puts it there"
        if os.environ.get("CI"):
            pytest.fail(said, pytrace=False)
        pytest.skip(said)


def test_its_scores_are_those_of_labsupport_grade(tmp_path: Path) -> None:
    graded = Graded(tmp_path, EXERCISES)
    assert graded.scores == graded.ours
    for slug, points in graded.points.items():
        assert graded.scores["stub"][slug] == (0, points)
        assert graded.scores["right"][slug] == (points, points)
        assert any(0 < graded.scores[who][slug][0] < points for who in ("wrong", "other"))
    assert not list(tmp_path.rglob(".labsupport")), "what a class handed in is nobody's try"


class Graded:
    """A class that hands in stubs, solutions and wrong answers, graded by nbgrader and by us."""

    def __init__(self, place: Path, exercises: list[str]) -> None:
        root = place / "course"
        for slug in exercises:
            shutil.copytree(course.folder(slug), root / "exercises" / course.folder(slug).name)
        shutil.copy(ROOT / "exercises" / "misconceptions.toml", root / "exercises")
        declared = {
            slug: each for base in exercises for slug, each in course.exercises(base).items()
        }
        self.points = {slug: each.points for slug, each in declared.items()}
        self.room = Classroom(root, place / "home")
        for slug in exercises:
            self.room.add(course.task(slug))
        self._nbgrader("generate_assignment")
        for slug in exercises:
            steps = list(course.exercises(slug))
            stubs = answers_in(course.task(slug), steps)
            assert answers_in(self.room.release / f"{slug}.ipynb", steps) == stubs
        self.room.hand_in("stub", {})
        solved = {
            slug: source
            for base in exercises
            for slug, source in answers_in(
                course.solution(base), list(course.exercises(base))
            ).items()
        }
        self.room.hand_in("right", solved)
        wrongs = {slug: answers.wrongs(slug) for slug in declared}
        for student, at in (("wrong", 0), ("other", -1)):
            chosen = {slug: paths[at].read_text("utf-8") for slug, paths in wrongs.items()}
            self.room.hand_in(student, chosen)
        self._nbgrader("autograde")
        self.scores = self.room.scores()
        self.ours = self._ours(root)

    def _nbgrader(self, command: str) -> None:
        done = self.room.nbgrader(command)
        assert done.returncode == 0, done.stderr

    def _ours(self, root: Path) -> dict[str, dict[str, tuple[float | None, float]]]:
        """The scores in the gradebook of `labsupport grade`."""
        done = subprocess.run(
            [sys.executable, "-m", "labsupport.cli", "grade", "class"],
            cwd=root, env=environment(), capture_output=True, text=True, encoding="utf-8",
            timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        with (root / "graded" / "gradebook.csv").open(encoding="utf-8", newline="") as file:
            return {
                row["id"]: {slug: (float(row[slug]), of) for slug, of in self.points.items()}
                for row in csv.DictReader(file)
            }


def test_an_answer_without_a_verdict_gets_no_score_and_is_graded_by_the_next_run(
    tmp_path: Path,
) -> None:
    small = Course(tmp_path / "course")
    small.add("counts bytes", "assert_equal(await answer.call('f', 'é'), 2, said='two bytes')", 2)
    sound = small.source
    small.add("breaks", "raise RuntimeError('the check is broken')")
    cells = [
        code_cell(source, name)
        for name, source in {
            "load": "%load_ext labsupport",
            "answer": "%%answer demo\ndef f(text):\n    ...",
            "check": "%check demo",
            "points": "%points demo",
        }.items()
    ]
    cells[-1].metadata["nbgrader"] = {
        "schema_version": 3,
        "cell_type": "code",
        "grade": True,
        "grade_id": "demo",
        "locked": True,
        "points": 2,
        "solution": False,
        "task": False,
    }
    (small.folder / "demo.ipynb").write_text(as_text(example(*cells)), encoding="utf-8")
    room = Classroom(small.root, tmp_path / "home")
    room.add(small.folder / "demo.ipynb")
    assert room.nbgrader("generate_assignment").returncode == 0
    room.hand_in("ann", {"demo": RIGHT})
    done = room.nbgrader("autograde")
    assert done.returncode != 0
    assert "There is no score. Inconclusive: breaks. Run it again." in done.stderr
    assert "There was an error processing assignment 'sockets' for student 'ann'" in done.stderr
    assert room.scores() == {"ann": {"demo": (None, 2)}}
    small.write(sound)
    assert room.nbgrader("autograde").returncode == 0
    assert room.scores() == {"ann": {"demo": (2, 2)}}


def test_it_accepts_the_metadata_of_every_exercise(tmp_path: Path) -> None:
    paths = [place(slug) for slug in course.slugs() for place in (course.task, course.solution)]
    script = (
        "import json, sys\n"
        "from nbgrader.nbgraderformat import read\n"
        "for path in json.load(sys.stdin):\n"
        "    with open(path, encoding='utf-8') as file:\n"
        "        cells = read(file, as_version=4).cells\n"
        "    print(sum(cell.metadata.get('nbgrader', {}).get('points', 0) for cell in cells))\n"
    )
    said = json.dumps([str(path) for path in paths])
    done = run("-c", script, folder=tmp_path, home=tmp_path / "home", said=said)
    assert done.returncode == 0, done.stderr
    assert [int(line) for line in done.stdout.split()] == [
        sum(each.points for each in course.exercises(path.stem).values()) for path in paths
    ]
