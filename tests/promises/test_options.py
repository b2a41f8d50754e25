"""Guessing a letter does not pay: the right option of a prediction is now this one, now that one.

Which option is right nobody stores: the run decides, and the stored output of a notebook without
votes says what it decided.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.notebooks.files import node
from tests.promises import course
from tests.promises.course import code_cell, example

DECIDED = re.compile(r"That is option ([a-z])\.")


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_every_prediction_of_a_lesson_was_decided_without_a_vote(path: Path) -> None:
    lesson = course.notebook(path)
    settled = sum(cell.source.count("settle(") for cell in course.code(lesson))
    assert len(right_options(lesson)) == settled


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_no_letter_is_right_in_more_than_half_of_a_lesson(path: Path) -> None:
    assert too_often(right_options(course.notebook(path))) == {}


def test_no_letter_is_right_in_more_than_half_of_the_course() -> None:
    lessons = [course.notebook(path) for path in course.lessons()]
    assert too_often([letter for lesson in lessons for letter in right_options(lesson)]) == {}


def right_options(lesson: NotebookNode) -> list[str]:
    """The letter at which each prediction came out, from the stored outputs."""
    return [
        letter
        for cell in course.code(lesson)
        if "settle(" in cell.source
        for output in cell.outputs
        for letter in DECIDED.findall(output.get("data", {}).get("text/plain", ""))
    ]


def too_often(letters: list[str]) -> dict[str, int]:
    """The letters that are right in more than half of several predictions, and how often."""
    return {
        letter: times
        for letter, times in Counter(letters).items()
        if len(letters) > 1 and times > len(letters) / 2
    }


def settled_cell(letter: str) -> NotebookNode:
    text = f"No vote yet.\nMeasured: 1. That is option {letter}."
    output = {"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}
    return code_cell('settle("00-x", vote)', outputs=[node(output)])


def test_the_right_options_are_read_from_the_outputs_of_settle_alone() -> None:
    elsewhere = settled_cell("c")
    elsewhere.source = "print(1)"
    assert right_options(example(settled_cell("b"), settled_cell("a"), elsewhere)) == ["b", "a"]


@pytest.mark.parametrize(
    ("letters", "found"),
    [("bbb", {"b": 3}), ("abb", {"b": 2}), ("aabb", {}), ("abc", {}), ("b", {}), ("", {})],
)
def test_a_letter_that_is_right_too_often_is_found(letters: str, found: dict[str, int]) -> None:
    assert too_often(list(letters)) == found
