"""Lessons 08 and 09 say that httpx2 can stand in for HTTPX: their notebooks run with it, too.

Of what a cell shows nothing is compared here, since the two may word an error differently; that no
cell fails is.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.notebooks import outputs
from tests.notebooks.files import read
from tests.promises import course

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

IMPORT = re.compile(r"^import httpx$", re.MULTILINE)
LESSONS = ("08", "09")
NOTEBOOKS = [
    *(path for path in course.lessons() if course.number(path).startswith(LESSONS)),
    *(course.solution(s) for s, number in course.EXERCISES.items() if number.startswith(LESSONS)),
]


def with_httpx2(source: str) -> str:
    """The same program, on the fork."""
    return IMPORT.sub("import httpx2 as httpx", source)


@pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if "import httpx" in path.read_text("utf-8")],
    ids=course.short,
)  # fmt: skip
def test_a_notebook_runs_with_the_fork(path: Path) -> None:
    notebook = read(path)
    changed = 0
    for cell in course.code(notebook):
        changed += len(IMPORT.findall(cell.source))
        cell.source = with_httpx2(cell.source)
    assert changed
    outputs.run(notebook, path.parent)
