"""The instructor's notes speak of the lessons as they are: sections, minutes, beliefs, names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.notebooks.files import ROOT
from tests.promises import course
from tests.promises.course import code_cell, example, text_cell
from tests.promises.minutes import estimate
from tests.promises.test_lesson_frame import minutes, said_by, section
from tests.promises.test_the_list import listed_exercises

INDEX = ROOT / "solutions" / "INSTRUCTOR.md"
NOTES = ROOT / "solutions" / "instructor"
HEADINGS = ["Minutes", "Where learners get stuck", "Skip, and never skip", "Ask", "Before class"]
MUCH = 3.0  # minutes that the rule may ask for beyond a section's before the notes have to say so
SPAN = re.compile(r"`([^`]+)`")
STEP = re.compile(r"[a-z]\w*\.[a-z]\w*")
CELLS = re.compile(r"\b[Cc]ells? ((?:`[^`]+`(?:,\s+|\s+and\s+|\s+or\s+|\s+to\s+)?)+)")
PLACED = re.compile(r"`([a-z]\w*)`(?:\s+in\s+|\s+\()(\d\d[a-z]?)\b")
QUESTION = re.compile(r"^\d+\. \*(?:[^*]|\*\*)+\?\*\s+(?!\d+\. )\S", re.MULTILINE)


def notes(number: str) -> str:
    """The notes of a lesson; fails the test where there are none."""
    path = NOTES / f"{number}.md"
    if not path.is_file():
        pytest.fail(f"there is no {course.short(path)}", pytrace=False)
    return path.read_text(encoding="utf-8")


def part(text: str, name: str) -> str:
    """What stands under a heading of the second level; without a name, above the first one."""
    found = re.split(r"^## +(.+?) *$", text, flags=re.MULTILINE)
    return dict(zip(["", *found[1::2]], found[::2], strict=True)).get(name, "")


@dataclass(frozen=True)
class Row:
    """A row of the table of minutes; a section that is read at home has none."""

    sections: tuple[str, ...]
    minutes: int
    said: str


def rows(text: str) -> list[Row]:
    """The rows of the table under Minutes."""
    found = re.findall(r"^\| (.+?) \| (\d+|–) \| (.+) \|$", part(text, "Minutes"), re.MULTILINE)
    return [
        Row(tuple(names.split(" · ")), 0 if count == "–" else int(count), said)
        for names, count, said in found
    ]


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_the_notes_of_a_lesson_have_its_title_and_all_their_parts(path: Path) -> None:
    text = notes(course.number(path))
    title = next(course.headings(course.notebook(path))).text
    assert text.splitlines()[0] == f"# {course.number(path)}: {title}"
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == HEADINGS
    assert f"](../../notebooks/{path.name})" in part(text, "")


def test_notes_without_a_lesson_are_found() -> None:
    numbers = {course.number(path) for path in course.lessons()}
    assert {path.stem for path in NOTES.glob("*.md")} == numbers


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_the_table_has_every_section_of_the_lesson_in_its_order(path: Path) -> None:
    wanted = [each.text for each in course.headings(course.notebook(path)) if each.level == 2]
    assert [name for row in rows(notes(course.number(path))) for name in row.sections] == wanted


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_the_minutes_are_those_of_the_lesson(path: Path) -> None:
    text, lesson = notes(course.number(path)), course.notebook(path)
    total = sum(row.minutes for row in rows(text))
    assert total == sum(minutes(section(lesson, "Time")))
    assert [total] == said_by((ROOT / "README.md").read_text(encoding="utf-8"), path.name)
    assert re.search(rf"\btakes {total} minutes\b", part(text, "")), "the first paragraph says so"
    said = dict(re.findall(r"^\| *(.+?) *\| *(\d+) *\|$", section(lesson, "Time"), re.MULTILINE))
    differ = [
        row
        for row in rows(text)
        if row.sections[0] in said and row.minutes != int(said[row.sections[0]])
    ]
    assert differ == [], "a part that the lesson names has the lesson's minutes"


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_the_notes_say_where_the_minutes_are_tight(path: Path) -> None:
    assert untold(rows(notes(course.number(path))), estimate(course.notebook(path))) == []


def untold(table: list[Row], by_rule: dict[str, float]) -> list[str]:
    """Rows that are tight by the rule and do not say it, or that say it and are not."""
    faults = []
    for row in table:
        more = sum(by_rule.get(name, 0) for name in row.sections) - row.minutes
        tight = "Tight" in row.said
        if row.minutes and ((more >= MUCH and not tight) or (more <= 0 and tight)):
            faults.append(f"{row.sections[0]}: {more:+.1f} minutes by the rule; tight: {tight}")
    return faults


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_the_first_paragraph_names_the_exercises_with_minutes_and_steps(path: Path) -> None:
    number = course.number(path)
    head = part(notes(number), "")
    linked = re.findall(r"\]\(\.\./\.\./exercises/\d\d_(\w+)/\1\.ipynb\)\s+(\d+)", head)
    listed = listed_exercises(course.notebook(path))
    declared = [course.exercises(slug) for slug in listed]
    assert sorted(linked) == sorted(
        (slug, str(each[slug].minutes)) for slug, each in zip(listed, declared, strict=True)
    )
    steps = {name for each in declared for name in each if "." in name}
    assert {span for span in SPAN.findall(head) if STEP.fullmatch(span)} == steps


def probed(path: Path) -> set[str]:
    """The beliefs that the checks of a lesson's exercises probe, the hidden ones included."""
    return {
        check.misconception
        for slug in listed_exercises(course.notebook(path))
        for exercise in course.exercises(slug).values()
        for check in (*exercise.checks, *course.hidden(exercise.slug))
        if check.misconception
    }


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_every_belief_that_a_check_probes_is_spoken_of_and_no_other(path: Path) -> None:
    stuck = part(notes(course.number(path)), "Where learners get stuck")
    named = set(SPAN.findall(stuck)) & set(course.misconceptions())
    assert probed(path) - named == set()
    own = {
        belief
        for belief, said in course.misconceptions().items()
        if said["lesson"] == course.number(path)
    }
    assert named <= probed(path) | own
    assert unknown_beliefs(stuck) == []


def unknown_beliefs(stuck: str) -> list[str]:
    """Names at the beginning of an item that are in no list of beliefs."""
    heads = re.findall(r"^- ((?:`[a-z0-9-]+`(?:,\s+)?)+):", stuck, re.MULTILINE)
    return [
        name for head in heads for name in SPAN.findall(head) if name not in course.misconceptions()
    ]


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_cells_and_exercises_are_called_by_names_that_there_are(path: Path) -> None:
    text = notes(course.number(path))
    assert missing_cells(text, {cell.id for cell in course.notebook(path).cells}) == []
    assert misplaced(text) == []


def missing_cells(text: str, ids: set[str]) -> list[str]:
    """What the notes call a cell, and the lesson has no cell of that id."""
    return [
        name for found in CELLS.findall(text) for name in SPAN.findall(found) if name not in ids
    ]


def misplaced(text: str) -> list[str]:
    """Exercises that are said to be of a lesson, and are of another, or of none."""
    return [
        f"{slug} in {number}"
        for slug, number in PLACED.findall(text)
        if course.EXERCISES.get(slug) != number
    ]


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_a_lesson_has_three_to_five_questions_with_answers(path: Path) -> None:
    asked = part(notes(course.number(path)), "Ask")
    assert 3 <= len(QUESTION.findall(asked)) <= 5
    assert len(QUESTION.findall(asked)) == len(re.findall(r"^\d+\. ", asked, re.MULTILINE))


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_the_index_has_a_row_for_each_lesson(path: Path) -> None:
    number, lesson = course.number(path), course.notebook(path)
    text = INDEX.read_text(encoding="utf-8")
    [row] = re.findall(rf"^\| \[.*\]\(instructor/{number}\.md\) .*$", text, re.MULTILINE)
    needs = re.findall(r"\]\((\d\d[a-z]?)_\w+\.ipynb\)", section(lesson, "Before you start"))
    exercises = [
        f"{slug} ({each.minutes}{', *stretch*' if each.kind == 'stretch' else ''})"
        for slug in listed_exercises(lesson)
        for each in [course.exercises(slug)[slug]]
    ]
    title = next(course.headings(lesson)).text
    cells = [
        f"[{number}: {title}](instructor/{number}.md)",
        str(sum(minutes(section(lesson, "Time")))),
        ", ".join(needs) or "–",
        ", ".join(exercises),
    ]
    assert row == f"| {' | '.join(cells)} |"


# --- the same functions find what is broken -------------------------------------------------------


TEXT = """# 01: A

Takes.

## Minutes

| Section | Minutes | Seen |
|---|---|---|
| One · Two | 3 | All. Tight. |
| Three | – | At home. |

## Ask

1. *Why?* Because.
2. *Why not?*
"""


def test_the_rows_of_a_table_are_read() -> None:
    assert rows(TEXT) == [Row(("One", "Two"), 3, "All. Tight."), Row(("Three",), 0, "At home.")]


def test_a_question_without_an_answer_is_not_counted() -> None:
    assert len(QUESTION.findall(part(TEXT, "Ask"))) == 1


def test_a_section_that_is_tight_unsaid_or_said_to_be_and_is_not_is_found() -> None:
    assert untold(rows(TEXT), {"One": 2.0, "Two": 2.5, "Three": 9.0}) == []
    assert len(untold(rows(TEXT), {"One": 2.0, "Two": 0.5})) == 1
    assert len(untold([Row(("One",), 3, "All.")], {"One": 6.0})) == 1


def test_a_belief_a_cell_or_an_exercise_that_is_not_there_is_found() -> None:
    assert unknown_beliefs("- `recv-is-a-message`: x\n- `no-such-thing`: y") == ["no-such-thing"]
    assert missing_cells("Cell `a`, cells `b`, `c` and `d` to `e`.", {"a", "c"}) == ["b", "d", "e"]
    assert misplaced("`ask` in 03, `ask` (04), `nothing` in 05a") == ["ask in 04", "nothing in 05a"]


def test_the_rule_counts_words_lines_predictions_and_changes() -> None:
    lesson = example(
        text_cell("# A title\n\nnot counted"),
        text_cell("## One\n\n" + "word " * 150 + "\n\n```\nfenced\n```"),
        code_cell("x = 1\n\n" * 12 + "assert x"),
        text_cell("**Predict.** " + "word " * 149),
        code_cell("vote = None"),
        code_cell('settle(\n    "q",\n    vote,\n)'),
        text_cell("## Two\n\n**Change one thing.** " + "word " * 147),
    )
    assert estimate(lesson) == {"One": 1 + 1 + 1 + 2, "Two": 1 + 1}
