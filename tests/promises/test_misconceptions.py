"""Every wrong belief is named in its lesson, shown there by a run, and probed by a check."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.promises import course, python
from tests.promises.course import code_cell, example, text_cell
from tests.promises.test_lesson_frame import section

# Beliefs that no check can report, each with the reason.
UNPROBED = {"verify-false-is-a-fix": "No exercise speaks TLS: the lessons that build on it will."}


def lesson_of(belief: str) -> Path | None:
    """The lesson that misconceptions.toml names for a belief."""
    number = course.misconceptions()[belief]["lesson"]
    return next((path for path in course.lessons() if course.number(path) == number), None)


@pytest.mark.parametrize("belief", course.misconceptions())
def test_a_belief_is_defeated_in_its_lesson(belief: str) -> None:
    lesson = lesson_of(belief)
    assert lesson, f"lesson {course.misconceptions()[belief]['lesson']} is not there"
    assert faults(course.notebook(lesson), belief) == []


def faults(lesson: NotebookNode, belief: str) -> list[str]:
    """Where a lesson fails to name a belief or to show it by a run."""
    found = []
    if f"**{belief}**" not in section(lesson, "What goes wrong"):
        found.append(f"the table under '## What goes wrong' does not name **{belief}**")
    if belief not in settled(lesson) and not explained(lesson, belief):
        found.append(
            f"no settle(...) has it in its beliefs, and no text beside code names {belief}"
        )
    return found


def settled(lesson: NotebookNode) -> set[str]:
    """The beliefs that the lesson's predictions name."""
    return {
        value.value
        for cell in python.cells(lesson, "")
        for name, call in python.calls(cell.tree())
        if name == "settle"
        for keyword in call.keywords
        if keyword.arg == "beliefs" and isinstance(keyword.value, ast.Dict)
        for value in keyword.value.values
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }


def explained(lesson: NotebookNode, belief: str) -> bool:
    """Whether a text right before or after a code cell names it, outside of the closing parts."""
    cells = lesson.cells
    for at, cell in enumerate(cells):
        if cell.cell_type != "markdown" or f"**{belief}**" not in cell.source:
            continue
        if re.search(r"^## (What goes wrong|Take-aways)", cell.source, re.MULTILINE):
            continue
        beside = cells[max(0, at - 1) : at] + cells[at + 1 : at + 2]
        if any(one.cell_type == "code" for one in beside):
            return True
    return False


@pytest.mark.parametrize("belief", course.misconceptions())
def test_a_belief_is_probed_by_a_check(belief: str) -> None:
    probing = [
        f"{exercise.slug}: {check.name}"
        for slug in course.slugs()
        for exercise in course.exercises(slug).values()
        for check in exercise.checks
        if check.misconception == belief
    ]
    if belief in UNPROBED:
        assert probing == [], f"{belief} is reported now: take it out of UNPROBED"
    else:
        assert probing != [], f"no check reports {belief}"


@pytest.mark.parametrize("belief", course.misconceptions())
def test_a_belief_says_what_is_believed_and_what_is_true(belief: str) -> None:
    said = course.misconceptions()[belief]
    assert set(said) == {"belief", "truth", "lesson"}
    assert all(said.values())
    assert said["belief"] != said["truth"]


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_the_table_of_a_lesson_names_its_own_beliefs(path: Path) -> None:
    named = re.findall(r"\*\*([a-z0-9-]+)\*\*", section(course.notebook(path), "What goes wrong"))
    unknown = [name for name in named if name not in course.misconceptions()]
    assert unknown == [], "in bold stand slugs of exercises/misconceptions.toml"


WRONG = text_cell("## What goes wrong\n\n| **a-b**: x | y |", "wrong")
SETTLE = code_cell('settle("q", vote, outcome="b", beliefs={"a": "a-b"}, measured=1)')


def test_a_belief_that_is_only_listed_is_found() -> None:
    assert len(faults(example(WRONG), "a-b")) == 1
    assert len(faults(example(SETTLE), "a-b")) == 1
    assert faults(example(SETTLE, WRONG), "a-b") == []
    assert faults(example(code_cell("f()"), text_cell("This is **a-b**."), WRONG), "a-b") == []
    assert len(faults(example(text_cell("This is **a-b**."), WRONG), "a-b")) == 1
