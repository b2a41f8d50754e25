"""Code that is read is short, and nothing in labsupport sleeps to wait for a state."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.promises import course, python
from tests.promises.course import code_cell, example, text_cell
from tests.promises.python import Source

MOST_LINES = 25
MOST_IN_A_ROW = 3  # code cells without a word between them
# Cells whose subject is a whole program, with the reason why it cannot be shown in two.
WHOLE_PROGRAMS = {
    ("exercises/09_monitor/monitor.ipynb", "answer"): "It holds the page, which is given, and an "
    "answer stands alone.",
}
MAY_SLEEP = "labsupport/clock.py"


@pytest.mark.parametrize("path", course.notebooks(), ids=course.short)
def test_a_code_cell_does_one_thing(path: Path) -> None:
    allowed = {cell for name, cell in WHOLE_PROGRAMS if name == course.short(path)}
    answers = {cell.id for cell in course.code(course.notebook(path)) if is_answer(cell)}
    exempt = allowed | (answers if path.parent.name == "solutions" else set())
    assert overlong(course.notebook(path), exempt) == []


def is_answer(cell: NotebookNode) -> bool:
    return bool(cell.source.startswith("%%answer"))


def overlong(notebook: NotebookNode, exempt: set[str]) -> list[str]:
    """Code cells with too many lines; empty lines are not counted."""
    lines = {
        cell.id: sum(bool(line.strip()) for line in cell.source.splitlines())
        for cell in course.code(notebook)
    }
    return [
        f"cell {name!r}: {count} lines"
        for name, count in lines.items()
        if count > MOST_LINES and name not in exempt
    ]


def test_every_exemption_is_needed() -> None:
    stale = [
        (name, cell)
        for name, cell in WHOLE_PROGRAMS
        if not any(
            fault.startswith(f"cell {cell!r}")
            for path in course.notebooks()
            if course.short(path) == name
            for fault in overlong(course.notebook(path), set())
        )
    ]
    assert stale == []


@pytest.mark.parametrize("path", course.notebooks(), ids=course.short)
def test_code_comes_with_words(path: Path) -> None:
    assert wordless(course.notebook(path)) == []


def wordless(notebook: NotebookNode) -> list[str]:
    """Cells at which too many code cells follow each other; the set-up cell is not counted."""
    found, row = [], 0
    for cell in notebook.cells:
        row = row + 1 if cell.cell_type == "code" else 0
        if row > MOST_IN_A_ROW:
            found.append(f"cell {cell.id!r} is code cell number {row} without a word between")
    return found


@pytest.mark.parametrize("path", course.notebooks(), ids=course.short)
def test_a_notebook_loads_the_course_first(path: Path) -> None:
    first = course.code(course.notebook(path))[0]
    assert first.source.splitlines()[0] == "%load_ext labsupport"


@pytest.mark.parametrize("path", python.files("labsupport"), ids=course.short)
def test_nothing_sleeps_to_wait(path: Path) -> None:
    assert course.short(path) == MAY_SLEEP or sleeps(python.source(path)) == []


def sleeps(source: Source) -> list[str]:
    """Lines that call time.sleep, under whatever name it was imported."""
    tree = source.tree()
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
        if alias.name == "sleep"
    }
    return [
        f"{source.where}, line {call.lineno}"
        for name, call in python.calls(tree)
        if (name in names and isinstance(call.func, ast.Name))
        or (name == "sleep" and ast.unparse(call.func) in ("time.sleep", "_time.sleep"))
    ]


def test_an_overlong_cell_is_found() -> None:
    long = example(code_cell("x = 1\n" * 26), text_cell("words"))
    assert overlong(long, set()) == ["cell 'code': 26 lines"]
    assert overlong(long, {"code"}) == []
    assert overlong(example(code_cell("x = 1\n\n" * 25)), set()) == []


def test_a_fourth_code_cell_in_a_row_is_found() -> None:
    cells = [code_cell("1", name) for name in "abcd"]
    assert len(wordless(example(*cells))) == 1
    assert wordless(example(*cells[:3], text_cell("so"), *cells[3:])) == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("import time\ntime.sleep(1)", 1),
        ("from time import sleep as rest\nrest(1)", 1),
        ("loop.sleep(1)\nclock.poll(f)", 0),
    ],
)
def test_a_sleep_is_found(text: str, count: int) -> None:
    assert len(sleeps(Source("example", text))) == count
