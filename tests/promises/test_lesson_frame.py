"""Every lesson has the same frame, so that a learner always knows where to look."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from labsupport.history import lesson_of
from tests.notebooks.files import ROOT
from tests.promises import course
from tests.promises.course import code_cell, example, text_cell

MOST_MINUTES = 60
# Lessons that take longer, with the reason. What they say is what they take.
LONGER = {
    "03": "The same readings go over two protocols, then over a repair; it says where to pause.",
    "04": "Its room is attacked, repaired and stopped in one piece; it says where to pause.",
    "05a": "Its loop is attacked, repaired and compared in one piece; it says where to pause.",
    "05b": "Its tools for tasks come before the room that needs them; it says where to pause.",
    "06a": "Its server is repaired before two servers can disagree; it says where to pause.",
    "07": "One service is measured, streamed and stopped in one piece; it says where to pause.",
    "08b": "One program is broken at six places before it is whole again; it says where to pause.",
    "09": "One call is repaired until a storm of it may come; it says where to pause.",
}
FIRST_LESSON = "00"
# In this order; other headings may stand between. The first lesson has nothing to warm up from.
FRAME = (
    "You will be able to",
    "Before you start",
    "Time",
    "Warm-up",
    "Diagnose",
    "What goes wrong",
    "Checkpoint",
    "Exercises",
    "Take-aways",
    "Further reading",
)
NOT_IN_FIRST = ("Warm-up", "Checkpoint")
SECTIONS = 3  # with a prediction, at least; the first lesson is short and has one


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_a_lesson_has_the_frame(path: Path) -> None:
    assert faults_of_frame(course.notebook(path), course.number(path)) == []


def faults_of_frame(lesson: NotebookNode, number: str) -> list[str]:
    """Headings that are missing or out of order, and parts that do not hold what they promise."""
    faults = faults_of_headings(lesson)
    second = [each.text for each in course.headings(lesson) if each.level == 2]
    wanted = [name for name in FRAME if number != FIRST_LESSON or name not in NOT_IN_FIRST]
    place = 0
    for name in wanted:
        places = [at for at, text in enumerate(second) if text in (name, name.removesuffix("s"))]
        if not places:
            faults.append(f"there is no heading '## {name}'")
        elif places[0] < place:
            faults.append(f"'## {name}' comes too early; the order is {', '.join(wanted)}")
        else:
            place = places[0]
    for part, least, most in (("You will be able to", 3, 5), ("Take-aways", 3, 7)):
        items = len(re.findall(r"^\s*[-*] ", section(lesson, part), re.MULTILINE))
        if part in second and not least <= items <= most:
            faults.append(
                f"'## {part}' lists {items} things; {least} to {most} can be kept in mind"
            )
    if "Further reading" in second and "](http" not in section(lesson, "Further reading"):
        faults.append("'## Further reading' links to nothing")
    if "Time" in second:
        total = sum(minutes(section(lesson, "Time")))
        if not total or (total > MOST_MINUTES) != (number in LONGER):
            faults.append(f"the table under '## Time' adds up to {total} minutes")
    if number != FIRST_LESSON and not any(
        f'warm_up("{number}")' in cell.source for cell in course.code(lesson)
    ):
        faults.append(f'no cell calls warm_up("{number}")')
    return faults


def faults_of_headings(notebook: NotebookNode) -> list[str]:
    """One H1, in the first cell, and no level left out on the way down."""
    found = list(course.headings(notebook))
    titles = [each for each in found if each.level == 1]
    faults = []
    if len(titles) != 1 or not found or found[0] != titles[0]:
        faults.append(f"one H1 has to come first; found {[each.text for each in titles]}")
    elif titles[0].cell != notebook.cells[0].id:
        faults.append("the H1 is not in the first cell")
    for above, below in itertools.pairwise(found):
        if below.level > above.level + 1:
            faults.append(f"{'#' * below.level} {below.text} follows {'#' * above.level} directly")
    twice = {each.text for each in found if sum(each.text == one.text for one in found) > 1}
    return faults + [f"two headings are called {text!r}" for text in sorted(twice)]


def section(lesson: NotebookNode, name: str) -> str:
    """The prose under a heading of the second level."""
    lines, inside = [], False
    for cell in course.prose(lesson):
        for line in cell.source.splitlines():
            if re.match(r"#{1,2} ", line):
                inside = line.rstrip() == f"## {name}"
            elif inside:
                lines.append(line)
    return "\n".join(lines)


def minutes(table: str) -> list[int]:
    """The last column of a Markdown table, where it is a number; exercises come on top."""
    rows = re.findall(r"^\|(.*?)\| *\**(\d+)\** *\| *$", table, re.MULTILINE)
    counted = [row for row in rows if not re.search(r"(?i)\b(exercises?|sum|total)\b", row[0])]
    return [int(number) for _, number in counted]


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_the_readme_says_how_long_a_lesson_takes(path: Path) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    total = sum(minutes(section(course.notebook(path), "Time")))
    assert said_by(readme, path.name) == [total]


def said_by(readme: str, name: str) -> list[int]:
    """The minutes in the README's rows of a lesson."""
    return [int(row) for row in re.findall(rf"/{re.escape(name)}\) \| (\d+) \|", readme)]


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_a_lesson_predicts_before_it_shows(path: Path) -> None:
    assert faults_of_predictions(course.notebook(path), course.number(path)) == []


UNSET = re.compile(r'vote\w* = None  # "a"[^\n]*')
QUESTION_OF = re.compile(r'settle\(\s*"([^"]*)"')


def faults_of_predictions(lesson: NotebookNode, number: str) -> list[str]:
    """A question in the text, then an unset vote in a cell of its own, then what settles it."""
    faults, votes, settled, waiting = [], 0, 0, ""
    before = ""
    for cell in lesson.cells:
        if cell.cell_type == "code":
            if re.match(r"vote\w* *=", cell.source):
                votes += 1
                if waiting:
                    faults.append(f"cell {waiting!r}: nothing settles this vote before the next")
                waiting = cell.id
                if not UNSET.fullmatch(cell.source.strip()):
                    faults.append(
                        f"cell {cell.id!r}: a vote is one line, unset: "
                        'vote = None  # "a", "b" or "c", and how sure you are ...'
                    )
                if "**Predict.**" not in before or len(re.findall(r"^- \*\*", before, re.M)) < 2:
                    faults.append(
                        f"cell {cell.id!r}: the text before it asks no question "
                        "(**Predict.** ... - **a.** ... - **b.** ...)"
                    )
            if "settle(" in cell.source:
                settled += cell.source.count("settle(")
                waiting = ""
            faults += [
                f"cell {cell.id!r}: the question {question!r} belongs to another lesson"
                for question in QUESTION_OF.findall(cell.source)
                if lesson_of(question) != number
            ]
        before = cell.source if cell.cell_type == "markdown" else ""
    if waiting:
        faults.append(f"cell {waiting!r}: nothing settles this vote")
    if votes != settled:
        faults.append(f"{votes} votes and {settled} calls of settle")
    least = 1 if number == FIRST_LESSON else SECTIONS
    if votes < least:
        faults.append(f"{votes} predictions; a lesson has {least} or more")
    return faults


# --- the same functions find what is broken -------------------------------------------------------


def lesson(*, without: str = "", swapped: bool = False) -> NotebookNode:
    parts = {
        "You will be able to": "- a\n- b\n- c",
        "Before you start": "Know this.",
        "Time": "| Part | Minutes |\n|---|---|\n| One | 20 |\n| Two | 25 |",
        "Warm-up": "Two questions.",
        "Diagnose": "Where is the byte?",
        "What goes wrong": "| a | b |",
        "Checkpoint": "1. Who?",
        "Exercises": "Do.",
        "Take-aways": "- a\n- b\n- c",
        "Further reading": "[RFC 1](https://example.com)",
    }
    names = [name for name in parts if name != without]
    if swapped:
        names[-1], names[-2] = names[-2], names[-1]
    cells = [text_cell(f"## {name}\n\n{parts[name]}") for name in names]
    return example(text_cell("# A title", "title"), *cells, code_cell('warm_up("01")'))


def test_a_whole_frame_is_accepted() -> None:
    assert faults_of_frame(lesson(), "01") == []


@pytest.mark.parametrize("name", FRAME)
def test_a_missing_part_is_found(name: str) -> None:
    assert faults_of_frame(lesson(without=name), "01") == [f"there is no heading '## {name}'"]


def test_parts_out_of_order_are_found() -> None:
    assert "too early" in "".join(faults_of_frame(lesson(swapped=True), "01"))


def test_exercises_come_on_top_of_a_lesson_s_minutes() -> None:
    assert minutes("| One | 20 |\n| Exercise `x` | 25 |\n| Two | **5** |\n| Sum | 25 |") == [20, 5]


def test_a_second_title_a_leap_and_an_overlong_lesson_are_found() -> None:
    cells = lesson().cells
    again = example(*cells, text_cell("# Another\n\n### Deep"))
    assert len(faults_of_frame(again, "01")) == 2
    long = example(*cells)
    long.cells = [text_cell(c.source.replace("20", "40"), c.id) for c in cells[:-1]] + cells[-1:]
    assert "65 minutes" in "".join(faults_of_frame(long, "01"))


def test_a_lesson_that_no_longer_takes_longer_is_found() -> None:
    assert "45 minutes" in "".join(faults_of_frame(lesson(), next(iter(LONGER))))


def test_the_minutes_of_a_lesson_are_read_from_its_row() -> None:
    assert said_by("| 1 | [A](notebooks/a.ipynb) | 60 | x |\n| 2 | b | 5 |", "a.ipynb") == [60]
    assert said_by("| 1 | [A](notebooks/a.ipynb) |", "a.ipynb") == []


QUESTION = text_cell("**Predict.** How many?\n\n- **a.** one\n- **b.** two")
VOTE = code_cell('vote = None  # "a" or "b", and how sure you are')
SETTLE = code_cell('settle("00-x", vote, outcome="b", beliefs={}, measured=1)')


def test_a_prediction_is_a_question_an_unset_vote_and_a_settlement() -> None:
    vote = code_cell('vote = None  # "a", "b" or "c", and how sure you are, for example "b 70%"')
    assert faults_of_predictions(example(QUESTION, vote, SETTLE), "00") == []


@pytest.mark.parametrize(
    "cells",
    [
        [VOTE, SETTLE],
        [QUESTION, code_cell('vote = "b"'), SETTLE],
        [QUESTION, VOTE],
        [QUESTION, VOTE, QUESTION, VOTE, SETTLE, SETTLE],
        [text_cell("nothing is asked")],
    ],
    ids=["no question", "a stored vote", "never settled", "settled late", "no prediction"],
)
def test_a_broken_prediction_is_found(cells: list[NotebookNode]) -> None:
    assert faults_of_predictions(example(*cells), "00")


def test_a_warm_up_or_a_question_of_another_lesson_is_found() -> None:
    assert faults_of_frame(lesson(), "02a") == ['no cell calls warm_up("02a")']
    assert len(faults_of_predictions(example(*[QUESTION, VOTE, SETTLE] * 3), "01")) == 3
