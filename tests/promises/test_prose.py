"""The prose is short and exact: no overlong cells, no filler, no exclamation marks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.promises import course
from tests.promises.course import FENCED, example, text_cell

MOST_WORDS = 170
FILLER = re.compile(
    r"\b(simply|obviously|just|easily|of course|basically|powerful|seamless\w*|robust\w*"
    r"|leverag\w+|delve\w*|needless to say)\b",
    re.IGNORECASE,
)
EXCLAMATION = re.compile(r"\w+!(?=[\s\"'*_)”]|$)")
FOLDED = re.compile(r"<details>.*?</details>|^ *\|.*\| *$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("path", course.notebooks(), ids=course.short)
def test_a_text_cell_makes_one_point(path: Path) -> None:
    assert overlong(course.notebook(path)) == []


def overlong(notebook: NotebookNode) -> list[str]:
    """Text cells with too many words; tables, code and folded answers are not counted."""
    counted = {
        cell.id: len(FOLDED.sub("", FENCED.sub("", cell.source)).split())
        for cell in course.prose(notebook)
    }
    return [
        f"cell {name!r}: {words} words" for name, words in counted.items() if words > MOST_WORDS
    ]


@pytest.mark.parametrize("path", course.notebooks(), ids=course.short)
def test_a_notebook_has_no_filler(path: Path) -> None:
    assert filler_cells(course.notebook(path)) == []


def filler_cells(notebook: NotebookNode) -> list[str]:
    return [
        f"cell {cell.id!r}: {word!r}"
        for cell in course.prose(notebook)
        for word in filler(cell.source)
    ]


def filler(text: str) -> list[str]:
    """Filler words and exclamations in prose; what stands in code is not prose."""
    plain = course.without_code(text)
    return [found.group() for found in (*FILLER.finditer(plain), *EXCLAMATION.finditer(plain))]


@pytest.mark.parametrize("path", course.texts(), ids=course.short)
def test_a_text_has_no_filler(path: Path) -> None:
    assert filler(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("slug", course.slugs())
def test_titles_and_hints_have_no_filler(slug: str) -> None:
    texts = [
        text
        for exercise in course.exercises(slug).values()
        for text in (exercise.title, *(hint for check in exercise.checks for hint in check.hints))
    ]
    assert [word for text in texts for word in filler(text)] == []


def test_beliefs_and_truths_have_no_filler() -> None:
    texts = [one[part] for one in course.misconceptions().values() for part in ("belief", "truth")]
    assert [word for text in texts for word in filler(text)] == []


def test_an_overlong_cell_is_found_and_a_table_is_not_counted() -> None:
    assert overlong(example(text_cell("word " * 171))) == ["cell 'text': 171 words"]
    folded = "<details><summary>Answer</summary>\n\n" + "word " * 300 + "\n\n</details>\n"
    table = "| a | b |\n" * 300
    assert overlong(example(text_cell("word " * 170 + "\n" + table + folded))) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Just call it.", ["Just"]),
        ("It works, of course.", ["of course"]),
        ("A robust server.", ["robust"]),
        ("Well done!", ["done!"]),
        ("Adjust it, justly.", []),
        ("`a != b` and `!r` and `of course`", []),
        ("```python\nprint('just!')\n```\n", []),
        ("![A picture](a.png) <!-- a comment -->", []),
    ],
)
def test_filler_is_found_in_prose_and_not_in_code(text: str, found: list[str]) -> None:
    assert filler(text) == found
