"""Gradescope's archive: unpacked and run as Gradescope does, in another folder than its own."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from labsupport.checking import InputError
from labsupport.checking.variants import SECRET
from labsupport.publishing.autograder import write_autograder
from tests.checking.course import Course
from tests.cli.watched import environment
from tests.grading.test_formats import GRADESCOPE
from tests.notebooks.files import ROOT

ANSWERS = ROOT / "tests" / "answers" / "greet"
RIGHT = (ANSWERS / "right_pieces.py").read_text(encoding="utf-8")
WRONG = (ANSWERS / "wrong_lower_case.py").read_text(encoding="utf-8")
REFUSED_BY_THE_HIDDEN = (ANSWERS / "hidden_collapses_spaces.py").read_text(encoding="utf-8")
posix = pytest.mark.skipif(sys.platform == "win32", reason="Gradescope runs Linux")
# On a busy machine what is inconclusive is judged up to three times, by three commands.
pytestmark = pytest.mark.timeout(180)

Results = dict[str, Any]
Run = Callable[..., Results]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "autograder.zip"
    write_autograder(ROOT, ["greet"], path)
    return path


def unpacked(archive: Path, into: Path) -> Path:
    """As Gradescope lays it out: the folder in the place of /autograder."""
    source = into / "source"
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            path = Path(file.extract(info, source))
            path.chmod(stat.S_IMODE(info.external_attr >> 16))
    shutil.copy(source / "run_autograder", into / "run_autograder")
    (into / "submission").mkdir()
    return into


@pytest.fixture
def autograder(archive: Path, tmp_path: Path) -> Path:
    return unpacked(archive, tmp_path / "autograder")


@pytest.fixture
def run(autograder: Path) -> Run:
    """Submit files, and read what students are told."""

    def run(python: str = sys.executable, **files: str) -> Results:
        for name, text in files.items():
            (autograder / "submission" / name.replace("_dot_", ".")).write_text(
                text, encoding="utf-8"
            )
        done = subprocess.run(
            [autograder / "run_autograder"],
            cwd=autograder,
            env=environment(AUTOGRADER=str(autograder), PYTHON=python),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=150,
        )
        assert done.returncode == 0, done
        assert os.listdir(autograder / "results") == ["results.json"]
        results = json.loads((autograder / "results" / "results.json").read_text("utf-8"))
        fastjsonschema.compile(GRADESCOPE)(results)
        assert results["stdout_visibility"] == "hidden"
        return results | {"printed": done.stdout + done.stderr}

    return run


def score(results: Results) -> tuple[int, int]:
    tests = results["tests"]
    return sum(each["score"] for each in tests), sum(each["max_score"] for each in tests)


def told(results: Results) -> str:
    """All that a student may see."""
    return json.dumps({name: each for name, each in results.items() if name != "printed"})


@posix
def test_a_right_answer_has_all_points(run: Run) -> None:
    results = run(greet_dot_py=RIGHT)
    earned, of = score(results)
    assert earned == of > 0
    assert results["output"] == ""


@posix
def test_a_wrong_answer_has_some(run: Run) -> None:
    results = run(greet_dot_py=WRONG)
    earned, of = score(results)
    assert 0 < earned < of
    assert "Hint" in told(results)


@posix
def test_a_hidden_check_tells_what_it_asks_for_and_not_how_it_looked(run: Run) -> None:
    results = run(greet_dot_py=REFUSED_BY_THE_HIDDEN)
    hidden = results["tests"][-1]
    assert (hidden["name"], hidden["score"]) == ("greet: white space in a name stays", 0)
    assert "with every space that it has" in hidden["output"]
    assert "called greet(" not in hidden["output"]


@posix
@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "greet: missing"),
        ({"greet_dot_ipynb": "{"}, "Not read: greet.ipynb is not a notebook"),
        ({"greet_dot_py": ""}, "greet: unreadable"),
        ({"notes_of_mine_dot_py": RIGHT}, "notes_of_mine.py answers nothing of this course"),
    ],
)
def test_a_submission_without_an_answer_is_told_why(
    run: Run, files: dict[str, str], said: str
) -> None:
    results = run(**files)
    assert score(results)[0] == 0
    assert said in results["output"]


@posix
def test_an_answer_that_is_no_python_is_told_where(run: Run) -> None:
    results = run(greet_dot_py="def greet(name:\n")
    assert score(results)[0] == 0
    assert "Line 1" in results["tests"][0]["output"]


@posix
def test_a_broken_course_is_told_without_its_traceback(run: Run, autograder: Path) -> None:
    checks = autograder / "source" / "course" / "exercises" / "00_greet" / "checks.py"
    checks.write_text("raise RuntimeError('the probe')\n")
    results = run(greet_dot_py=RIGHT)
    assert results["score"] == 0
    assert "That says nothing about your answer." in results["output"]
    assert not {"probe", "Traceback", "RuntimeError"} & set(told(results).split())
    assert "the probe" not in told(results)
    assert "the probe" in results["printed"]
    assert "ended with status 3" in results["printed"]


@posix
def test_an_autograder_that_was_not_built_is_told(run: Run, autograder: Path) -> None:
    results = run(str(autograder / "no_python"), greet_dot_py=RIGHT)
    assert results["score"] == 0
    assert "tell your instructor" in results["output"]


@posix
def test_results_of_an_earlier_run_do_not_stay(run: Run, autograder: Path) -> None:
    assert score(run(greet_dot_py=RIGHT))[0] > 0
    assert run(str(autograder / "no_python"))["tests"] == []


FAKE_PYTHON = """\
#!/usr/bin/env bash
# A Python whose pip installs nothing: what it is asked for is written down.
echo "$*" >>"$ASKED"
case "$*" in
  *"-c import"*) ;;
  *"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *"-m pip "*) ;;
  *) exec "$REAL" "$@" ;;
esac
"""


@posix
def test_the_image_is_built_with_pinned_versions_and_draws_one_secret(
    run: Run, autograder: Path, tmp_path: Path
) -> None:
    commands = tmp_path / "commands"
    commands.mkdir()
    (commands / "python3.14").write_text(FAKE_PYTHON)
    (commands / "python3.14").chmod(0o755)
    asked = tmp_path / "asked"
    done = subprocess.run(
        ["bash", autograder / "source" / "setup.sh"],
        cwd=autograder / "source",
        env=environment(
            AUTOGRADER=str(autograder),
            PATH=f"{commands}{os.pathsep}{os.environ['PATH']}",
            ASKED=str(asked),
            REAL=sys.executable,
            PYTHONPATH=str(autograder / "source" / "course"),
        ),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done
    course = autograder / "source" / "course"
    lines = asked.read_text().splitlines()
    assert f"-m venv {autograder / 'venv'}" in lines
    (pip,) = [line for line in lines if "-m pip" in line]
    assert f"--constraint {course / 'constraints.txt'} --editable {course}" in pip
    assert "0 different answers" in done.stdout
    assert (autograder / "graded" / "store.sqlite").is_file()
    seeds = []
    for _ in range(2):
        run(greet_dot_py=WRONG)
        results = json.loads((autograder / "results" / "results.json").read_text("utf-8"))
        seeds.append([each["output"] for each in results["tests"]])
    assert seeds[0] == seeds[1]
    assert "seed" in "".join(seeds[0])


@posix
@pytest.mark.parametrize("name", ["setup.sh", "run_autograder"])
def test_the_scripts_are_valid_bash_and_programs(autograder: Path, name: str) -> None:
    path = autograder / "source" / name
    assert subprocess.run(["bash", "-n", path], capture_output=True).stderr == b""
    assert os.access(path, os.X_OK)
    assert path.read_bytes().startswith(b"#!/usr/bin/env bash\n")
    assert b"\r" not in path.read_bytes()


def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as file:
        return file.namelist()


def test_the_archive_holds_what_grading_needs_and_no_solution(archive: Path) -> None:
    found = names(archive)
    assert len(found) == len(set(found))
    assert {"setup.sh", "run_autograder", "exercises.txt", "course/pyproject.toml"} <= set(found)
    assert "course/labsupport/grading/templates/class.html" in found
    assert "course/labsupport/py.typed" in found
    assert "course/exercises/00_greet/checks.py" in found
    assert "course/exercises/02_break_stream/suspects.py" in found
    assert [each for each in found if "solutions" in each] == ["course/solutions/hidden/greet.py"]
    assert not [each for each in found if each.endswith((".ipynb", ".pyc"))]
    assert not [each for each in found if each.startswith("course/tests")]


def test_an_answer_beside_the_checks_stays_at_home(tmp_path: Path) -> None:
    course = Course(tmp_path / "course")
    course.add("counts none", "pass")
    (course.folder / "demo.py").write_text("the answer")
    (course.folder / "demo.part.py").write_text("the answer")
    (course.folder / "tried.py").write_text("the answer")
    (course.folder / "suspects.py").write_text("what the checks use")
    (course.folder / ".suspects.py.swp").write_text("an editor's")
    path = tmp_path / "autograder.zip"
    write_autograder(course.root, ["demo"], path)
    inside = [each for each in names(path) if "demo/" in each]
    assert inside == [f"course/exercises/00_demo/{name}" for name in ("checks.py", "suspects.py")]


def test_the_same_course_gives_the_same_archive(archive: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    write_autograder(ROOT, ["greet"], again)
    assert again.read_bytes() == archive.read_bytes()


@pytest.mark.parametrize(
    ("slug", "said"),
    [("gret", "Did you mean 'greet'"), ("greet.step", "greet"), ("../greet", "no exercise")],
)
def test_what_is_no_exercise_is_told(tmp_path: Path, slug: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        write_autograder(ROOT, [slug], tmp_path / "autograder.zip")
    assert list(tmp_path.iterdir()) == []


def test_what_differs_between_students_cannot_be_graded_there_and_is_told(tmp_path: Path) -> None:
    course = Course(tmp_path / "course")
    own = 'variant={"n": 7},'
    varying = f'{own} variants={{"n": (7, 8)}}, phrases=lambda variant: [f"is {{variant.n}}"],'
    course.write(course.source.replace(own, varying))
    place = tmp_path / "autograder.zip"
    write_autograder(course.root, ["demo"], place)
    (course.root / SECRET).parent.mkdir(exist_ok=True)
    (course.root / SECRET).write_text('secret = "s"\n')
    place.unlink()
    with pytest.raises(InputError, match="Students have their own constants in demo"):
        write_autograder(course.root, ["demo"], place)
    assert not place.exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_autograder(ROOT, ["greet"], tmp_path / "none" / "autograder.zip")


def test_a_place_below_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(InputError, match="cannot be written"):
        write_autograder(ROOT, ["greet"], tmp_path / "notes" / "autograder.zip")
    assert (tmp_path / "notes").read_text() == "mine"


def test_only_an_autograder_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "results.zip"
    path.write_text("mine")
    with pytest.raises(InputError, match=r"is there, and no autograder's archive"):
        write_autograder(ROOT, ["greet"], path)
    assert path.read_text() == "mine"
    path.unlink()
    write_autograder(ROOT, ["greet"], path)
    write_autograder(ROOT, ["greet", "endpoint"], path)
    assert "course/solutions/hidden/endpoint.py" in names(path)
    assert list(tmp_path.iterdir()) == [path]


def test_the_command_says_where_the_archive_is(tmp_path: Path) -> None:
    path = tmp_path / "autograder.zip"
    done = subprocess.run(
        [sys.executable, "-m", "labsupport.cli", "autograder", "greet", "--into", path],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"The autograder for greet: {path}\n"
    assert path.is_file()
