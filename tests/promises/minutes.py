"""How long the sections of a lesson take, by a rule: `python -m tests.promises.minutes 02a`.

The rule counts what is in a section: words of prose, lines of code, predictions, things to change.
It is an estimate from the text, and no class was timed. Running time is not in it.

A lesson says itself how long its parts take (`test_lesson_frame.py`). solutions/instructor divides
these by the rule, where a part has several sections, and says where the rule asks for more.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from nbformat import NotebookNode

from tests.promises import course

WORDS = 150  # a minute, of prose with terms to take in
LINES = 12  # a minute, of code to read
PREDICTION = 2  # minutes: vote, talk, run, read the verdict
CHANGE = 1  # minutes for a "Change one thing"
SETTLING = re.compile(r"^(?:note = )?settle\(.*?^\)", re.MULTILINE | re.DOTALL)


def estimate(lesson: NotebookNode) -> dict[str, float]:
    """The minutes of each section of the second level by the rule, in their order."""
    taken: dict[str, float] = {}
    for section, kind, text in pieces(lesson):
        taken[section] = taken.get(section, 0) + (
            of_code(text) if kind == "code" else of_prose(text)
        )
    return taken


def pieces(lesson: NotebookNode) -> Iterator[tuple[str, str, str]]:
    """Section, kind and text of each cell; a text cell that begins a section is two pieces."""
    section = ""
    for cell in lesson.cells:
        if cell.cell_type == "code":
            if section:
                yield section, "code", cell.source
            continue
        before, *parts = re.split(r"^## +(.+?) *$", cell.source, flags=re.MULTILINE)
        if section:
            yield section, "prose", before
        for section, text in zip(parts[::2], parts[1::2], strict=True):
            yield section, "prose", text


def of_prose(text: str) -> float:
    """The minutes of some prose, folded answers included."""
    words = len(course.FENCED.sub("", text).split())
    predictions, changes = text.count("**Predict.**"), text.count("**Change one thing.**")
    return words / WORDS + predictions * PREDICTION + changes * CHANGE


def of_code(source: str) -> float:
    """The minutes of a code cell; a vote and what settles it are not read."""
    if re.match(r"vote\w* *=", source):
        return 0
    lines = SETTLING.sub("", source).splitlines()
    return sum(bool(line.strip()) and not line.startswith("assert") for line in lines) / LINES


def main(numbers: list[str]) -> None:
    """Print the sections of these lessons, or of all."""
    for path in course.lessons():
        if not numbers or course.number(path) in numbers:
            print(course.number(path))
            for section, minutes in estimate(course.notebook(path)).items():
                print(f"{minutes:7.1f}  {section}")


if __name__ == "__main__":
    main(sys.argv[1:])
