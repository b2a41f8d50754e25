"""An exercise and its solution are the same notebook; only answer cells and outputs differ.

A relative link is the same when it leads to the same file: the two notebooks lie at different
depths.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.notebooks.files import ROOT
from tests.promises import course
from tests.promises.course import code_cell, example, text_cell

RELATIVE = re.compile(r"\]\((\.\.?/[^)#\s]*|[\w-]+\.ipynb)")


@pytest.mark.parametrize("slug", course.slugs())
def test_exercise_and_solution_differ_in_answers_only(slug: str) -> None:
    task, solution = course.task(slug), course.solution(slug)
    assert (
        differences(
            anchored(course.notebook(task), task), anchored(course.notebook(solution), solution)
        )
        == []
    )


def anchored(notebook: NotebookNode, path: Path) -> list[tuple[str, str, str, object]]:
    """The cells without outputs: kind, id, source with links from the root, metadata."""

    def from_root(link: re.Match[str]) -> str:
        place = (path.parent / link[1]).resolve()
        return f"](/{place.relative_to(ROOT)}" if place.is_relative_to(ROOT) else link[0]

    return [
        (
            cell.cell_type,
            cell.id,
            RELATIVE.sub(from_root, cell.source) if cell.cell_type == "markdown" else cell.source,
            dict(cell.metadata),
        )
        for cell in notebook.cells
    ]


def differences(
    task: list[tuple[str, str, str, object]], solution: list[tuple[str, str, str, object]]
) -> list[str]:
    """Where a solution is more than its task answered."""
    if [cell[:2] for cell in task] != [cell[:2] for cell in solution]:
        return [f"the cells are {[c[1] for c in task]} and {[c[1] for c in solution]}"]
    faults = []
    for (_, name, asked, data), (_, _, answered, other) in zip(task, solution, strict=True):
        is_answer = asked.startswith("%%answer")
        if is_answer and asked == answered:
            faults.append(f"cell {name!r}: the solution does not answer it")
        if is_answer and asked.splitlines()[0] != answered.splitlines()[0]:
            faults.append(f"cell {name!r}: {asked.splitlines()[0]} became another slug's")
        if not is_answer and asked != answered:
            faults.append(f"cell {name!r} differs (a link has to lead to the same file)")
        if data != other:
            faults.append(f"cell {name!r}: the metadata differs")
    return faults


def test_a_solution_that_is_another_notebook_is_found() -> None:
    here, there = ROOT / "exercises" / "00_x" / "x.ipynb", ROOT / "solutions" / "x.ipynb"
    link = "[lesson]({}/notebooks/00_start_here.ipynb#Time)"
    task = anchored(
        example(text_cell(link.format("../..")), code_cell("%%answer x\n..."), code_cell("1", "l")),
        here,
    )

    def solved(*, link_to: str = "..", answer: str = "%%answer x\n1", last: str = "1") -> list[str]:
        cells = (text_cell(link.format(link_to)), code_cell(answer), code_cell(last, "l"))
        return differences(task, anchored(example(*cells), there))

    assert solved() == []
    assert solved(link_to="../..")
    assert solved(answer="%%answer x\n...")
    assert solved(answer="%%answer y\n1")
    assert solved(last="2")
    assert differences(task, task[:2])
