"""Cells of a lesson are found by its number and their ids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labsupport import lessons
from tests.notebooks.files import ROOT


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course with one lesson, 05a, whose cells are stored in both forms that there are."""
    cells = [
        {"id": "title", "cell_type": "markdown", "source": "# A lesson"},
        {"id": "one", "cell_type": "code", "source": ["a = 1\n", "b = 2"]},
        {"id": "two", "cell_type": "code", "source": "c = 3", "outputs": []},
    ]
    for folder in ("exercises", "notebooks"):
        (tmp_path / folder).mkdir()
    lesson = tmp_path / "notebooks" / "05a_by_hand.ipynb"
    lesson.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return tmp_path


def test_cells_come_in_the_order_asked_for(course: Path) -> None:
    assert lessons.source("05a", "two", "one", root=course) == "c = 3\n\na = 1\nb = 2"


def test_the_course_is_the_one_around_the_current_folder(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(course / "notebooks")
    assert lessons.source("05a", "two") == "c = 3"


@pytest.mark.parametrize("missing", ["three", "title"])
def test_a_cell_that_is_missing_or_is_a_text_is_named(course: Path, missing: str) -> None:
    with pytest.raises(LookupError, match=rf"no code cell '{missing}'.*there are one, two\."):
        lessons.source("05a", "one", missing, root=course)


@pytest.mark.parametrize("lesson", ["05", "05b", ""])
def test_a_lesson_that_is_missing_is_named(course: Path, lesson: str) -> None:
    with pytest.raises(LookupError, match=rf"has 0 notebooks {lesson}_\*\.ipynb"):
        lessons.source(lesson, "one", root=course)


def test_outside_of_a_course_the_error_says_where_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LookupError, match=r"no folder above this one has exercises/"):
        lessons.source("05a", "one")


def test_what_is_found_is_a_program() -> None:
    text = lessons.source("05a", "repair-loop", "hears", root=ROOT)
    compile(text, "05a", "exec")
    assert text.startswith("def loop(listener")
