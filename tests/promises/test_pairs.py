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

LENGTH = re.compile(r"model solution is (?:about )?(\d+) lines")
LONG_TEXT = re.compile(r'"""\\\n.*?"""', re.DOTALL)
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


@pytest.mark.parametrize("slug", course.slugs())
def test_the_model_solution_has_as_many_lines_as_is_said(slug: str) -> None:
    assert mistaken(course.notebook(course.solution(slug))) == []


def mistaken(solution: NotebookNode) -> list[int]:
    """What is said of a length and true of no answer here, with or without a page that it holds."""
    answers = [cell.source for cell in course.code(solution) if cell.source.startswith("%%answer")]
    lengths = [
        text.count("\n") for each in answers for text in (each, LONG_TEXT.sub("", each))
    ]  # without the line of the magic
    return [
        said
        for cell in course.prose(solution)
        for said in map(int, LENGTH.findall(cell.source))
        if not any(abs(said - length) <= max(3, length // 20) for length in lengths)
    ]


def test_a_mistaken_length_is_found() -> None:
    def of(said: str, lines: int) -> list[int]:
        answer = code_cell("%%answer x" + lines * "\ny = 1")
        return mistaken(example(text_cell(f"The model solution is {said} lines long."), answer))

    assert of("about 40", 42) == of("9", 9) == []
    assert of("40", 44) == of("about 40", 36) == [40]
    page = code_cell('%%answer x\nPAGE = """\\\n' + 20 * "text\n" + '"""\nx = 1')
    assert mistaken(example(text_cell("The model solution is 2 lines long."), page)) == []
