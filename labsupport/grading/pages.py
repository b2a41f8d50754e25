"""Pages of students, of the class and of pairs alike, as HTML that loads nothing and runs nothing.

All that came from an answer or a file name is escaped, and the pages forbid scripts and everything
from elsewhere (Content-Security-Policy). A student's page shows of hidden checks what a learner may
see, and all hints; the other pages are for the instructor.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from labsupport.checking import Report
from labsupport.checking.exercise import Exercise
from labsupport.checking.feedback import as_html
from labsupport.checking.showing import count
from labsupport.grading.gradebook import Row
from labsupport.grading.handed import Student
from labsupport.grading.similarity import LISTED, Pair
from labsupport.grading.summary import Summary

__all__ = ["Likeness", "Side", "write_pages", "write_similar"]

_FOLDER = "students"
_LONGEST = 100  # characters of a file's name


def write_pages(into: Path, table: Iterable[Row], exercises: dict[str, Exercise]) -> Path:
    """Write class.html and the folder students, in the place of those that are there.

    Returns the path of class.html. Raises OSError.
    """
    templates = _templates()
    of = sum(exercise.points for exercise in exercises.values())
    summary = Summary(of)
    part = into / f"{_FOLDER}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    page = templates.get_template("student.html")
    for row in table:
        summary.add(row)
        title = f"{row.student.name} ({row.student.id})" if row.student.name else row.student.id
        (part / _file_of(row.student)).write_text(
            page.render(title=title, row=row, of=of, exercises=exercises, feedback=_feedback),
            encoding="utf-8",
            errors="replace",
        )
    shutil.rmtree(into / _FOLDER, ignore_errors=True)
    part.rename(into / _FOLDER)
    path = into / "class.html"
    page = templates.get_template("class.html")
    path.write_text(
        page.render(title="The class", summary=summary, of=of, bar=_bar, link=_link),
        encoding="utf-8",
        errors="replace",
    )
    return path


@dataclass(frozen=True, slots=True)
class Side:
    """An answer of a pair. lines: each with the number of the stretch that it is in, from 1; 0
    for a line that is in none."""

    author: str
    path: str
    lines: list[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Likeness:
    """A pair to look at. longest: its longest stretch, in lines of the first and in tokens."""

    slug: str
    pair: Pair
    sides: tuple[Side, Side]
    longest: tuple[int, int]


def write_similar(
    into: Path, pairs: list[Likeness], *, others: int, compared: int, short: int, unread: list[str]
) -> Path:
    """Write similar.html. others: pairs that are not shown; short: answers that are too short to
    be in any; unread: those that could not be compared, and why.

    Returns its path. Raises OSError.
    """
    into.mkdir(parents=True, exist_ok=True)
    path = into / "similar.html"
    page = _templates().get_template("similar.html")
    path.write_text(
        page.render(
            title="Pairs to look at",
            pairs=pairs,
            others=others,
            compared=compared,
            short=short,
            unread=unread,
            listed=LISTED,
            count=count,
        ),
        encoding="utf-8",
        errors="replace",
    )
    return path


def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("labsupport.grading"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def _feedback(report: Report) -> Markup:
    hints = {result.name: len(result.hints) for result in report.results}
    return Markup(as_html(report.concealed(), hints))  # it escapes what is not its own


def _bar(number: int, of: int) -> Markup:
    share = 100 * number / of if of else 0
    return Markup('<td class="bar"><span style="width: {:.1f}%"></span></td>').format(share)


def _file_of(student: Student) -> str:
    """A file name for each student, also where letters in names have no case."""
    name = quote(student.id, safe=" ")
    if len(name) > _LONGEST or name != name.lower():
        digest = hashlib.sha256(student.id.encode("utf-8", "surrogatepass")).hexdigest()
        name = f"{name[:_LONGEST]}-{digest[:12]}"
    return f"{name}.html"


def _link(student: Student) -> str:
    return f"{_FOLDER}/{quote(_file_of(student))}"
