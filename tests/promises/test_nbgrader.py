"""Each check of a notebook is followed by a cell that tells nbgrader the points.

Its metadata is nbgrader's, version 3 (nbgrader/nbgraderformat/v3.py). The answer's cell has none:
nbgrader puts a stub of its own in the place of all that stands in a cell marked as a solution, and
leaves what is not marked as the learner wrote it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.promises import course
from tests.promises.course import code_cell, example, text_cell

NOTEBOOKS = [place(slug) for slug in course.slugs() for place in (course.task, course.solution)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=course.short)
def test_every_check_is_followed_by_its_points(path: Path) -> None:
    points = {slug: each.points for slug, each in course.exercises(path.stem).items()}
    assert faults(course.notebook(path), points) == []


@pytest.mark.parametrize("path", course.lessons(), ids=course.short)
def test_a_lesson_is_no_assignment(path: Path) -> None:
    assert [cell.id for cell in course.notebook(path).cells if "nbgrader" in cell.metadata] == []


def faults(notebook: NotebookNode, points: dict[str, int]) -> list[str]:
    """Where a notebook's cells for nbgrader are not those of these exercises and steps."""
    found = []
    wanted = dict(points)
    before = ""
    for cell in notebook.cells:
        match = re.fullmatch(r"(?:#[^\n]*\n)?%points (\S+)", cell.source)
        if match is None:
            if "nbgrader" in cell.metadata:
                found.append(f"cell {cell.id!r} is for nbgrader and gives no points")
        else:
            slug = match[1]
            if before != f"%check {slug}":
                found.append(f"cell {cell.id!r} does not follow the check of {slug}")
            if slug not in wanted:
                found.append(f"cell {cell.id!r} gives the points of {slug} again, or of nothing")
            elif cell.metadata.get("nbgrader") != metadata(slug, wanted.pop(slug)):
                found.append(f"cell {cell.id!r}: its metadata is not that of {slug}")
        before = cell.source
    return found + [f"there are no points of {slug}" for slug in wanted]


def metadata(slug: str, points: int) -> dict[str, object]:
    """Of a cell whose result is a score, which nbgrader restores before it runs it."""
    return {
        "schema_version": 3,
        "cell_type": "code",
        "grade": True,
        "grade_id": slug.replace(".", "-"),
        "locked": True,
        "points": points,
        "solution": False,
        "task": False,
    }


def points_cell(slug: str, points: int) -> NotebookNode:
    cell = code_cell(f"# a word\n%points {slug}", "points")
    cell.metadata["nbgrader"] = metadata(slug, points)
    return cell


def test_points_that_nbgrader_would_get_wrong_are_found() -> None:
    check, other = code_cell("%check demo"), code_cell("%check demo.step")
    good = points_cell("demo", 3)
    assert faults(example(check, good), {"demo": 3}) == []
    answer = code_cell("%%answer demo")
    answer.metadata["nbgrader"] = {"solution": True}
    for cells in (
        [check],
        [check, points_cell("demo", 2)],
        [check, code_cell("%points demo")],
        [text_cell("words"), good],
        [other, good],
        [check, good, check, good],
        [check, good, answer],
    ):
        assert len(faults(example(*cells), {"demo": 3})) == 1
    assert len(faults(example(check, good), {"demo": 3, "demo.step": 1})) == 1
