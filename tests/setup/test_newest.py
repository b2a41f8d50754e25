"""The newest versions are tried without pins, and the report says which notebook broke."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from labsupport.bootstrap import Problem
from tests import newest
from tests.newest import Newest, Outcome
from tests.notebooks.examples import cell, stream, write
from tests.promises import course
from tests.setup import builder
from tests.setup.conftest import Course

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_notebook_whose_stored_output_is_false_is_named_with_the_difference(
    tmp_path: Path,
) -> None:
    (tmp_path / "notebooks").mkdir()
    write(tmp_path / "notebooks" / "false.ipynb", cell("print('hello')", stream("goodbye\n")))
    write(tmp_path / "notebooks" / "good.ipynb", cell("print('hello')", stream("hello\n")))
    notebooks = newest.found(tmp_path, ["notebooks"])
    assert notebooks == ["notebooks/false.ipynb", "notebooks/good.ipynb"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    false, good = newest.run(sys.executable, variables, tmp_path, notebooks)
    assert good == Outcome("notebooks/good.ipynb")
    assert (false.notebook, false.broke) == ("notebooks/false.ipynb", "Cell 0")
    said = list(newest.outcomes_told([false, good]))
    assert said[:2] == ["BROKE   notebooks/false.ipynb", "        first in 'Cell 0':"]
    assert said[-2:] == ["passed  notebooks/good.ipynb", "1 passed, 1 broke"]
    assert newest.broken([false, good]) == ["notebooks/false.ipynb"]
    shown = "\n".join(said[2:-2])
    assert "goodbye" in shown
    assert "hello" in shown
    assert "\x1b" not in shown


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_notebook_that_breaks_only_once_is_told_and_is_not_broken(tmp_path: Path) -> None:
    once = """\
import pathlib
print(pathlib.Path("seen").exists())
pathlib.Path("seen").touch()"""
    write(tmp_path / "once.ipynb", cell(once, stream("True\n")))
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    (ended,) = newest.run(sys.executable, variables, tmp_path, ["once.ipynb"])
    assert (ended.broke, ended.alone) == ("Cell 0", True)
    assert newest.broken([ended]) == []
    first, *_, last = newest.outcomes_told([ended])
    assert first == "passed  once.ipynb, alone"
    assert last == "1 passed, 0 broke"


def test_a_notebook_of_which_the_report_says_nothing_broke() -> None:
    assert [each.broke for each in newest.outcomes([], ["notebooks/a.ipynb"])] == ["before it ran"]


def test_a_long_difference_is_cut() -> None:
    said = list(newest.outcomes_told([Outcome("a.ipynb", "Cell 1", "line\n" * 20)]))
    assert said[-2].strip() == "... 8 lines more, above"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_newest_version_is_installed_and_told_beside_the_pinned_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = Course(tmp_path / "course")
    builder.wheel(str(tiny.root / "wheels"), "toy", {"toy.py": ""}, [], version="2.0")
    for name, value in tiny.variables.items():
        monkeypatch.setenv(name, value)
    made = Newest(tiny.root, tmp_path / "environment")
    made.make()
    assert made.pinned() == {"toy": "1.0", "toytest": "1.0", "toyapart": "1.0"}
    assert made.listed() == ["toy", "toytest"]
    table = [
        line.split() for line in newest.versions_told(made.listed(), made.pinned(), made.versions())
    ]
    assert table == [
        ["package", "pinned", "tried"],
        ["toy", "1.0", "2.0", "changed"],
        ["toytest", "1.0", "1.0"],
    ]
    assert not (tiny.root / ".venv").exists()


def test_other_packages_are_told_where_they_differ_from_their_pins() -> None:
    pinned = {"toy": "1.0", "deep": "1", "same": "3"}
    told = newest.versions_told(["toy"], pinned, {"toy": "1.0", "deep": "2", "same": "3", "x": "1"})
    assert [line.split()[0] for line in told] == ["package", "toy", "deep"]


@pytest.mark.parametrize("path", ["labsupport", "tests/setup"])
def test_a_folder_without_notebooks_is_a_clear_message(path: str) -> None:
    with pytest.raises(Problem, match=f"There is no notebook in {path}"):
        newest.found(newest.ROOT, [path])


def test_a_path_outside_of_the_course_is_a_clear_message(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="There is no "):
        newest.found(newest.ROOT, [str(tmp_path)])


def test_a_path_that_does_not_exist_is_a_clear_message() -> None:
    with pytest.raises(Problem, match=r"There is no notebooks/99\.ipynb in "):
        newest.found(ROOT, ["notebooks/99.ipynb"])


def test_without_paths_every_notebook_of_the_course_is_run() -> None:
    every = sorted(path.relative_to(ROOT).as_posix() for path in course.notebooks())
    assert newest.found(ROOT, newest.NOTEBOOKS) == every
