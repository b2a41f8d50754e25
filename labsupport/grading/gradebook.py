"""The table of a class: a row for each student, as CSV that spreadsheets and platforms import.

Columns, whose order depends on the course and the options alone: id, name, total, of; then for each
slug its points and its state; then for each check its points. The state is empty for an answer that
was judged and in time.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from labsupport.checking.exercise import Exercise, exercise_folders, load_exercises
from labsupport.checking.hidden import add_hidden
from labsupport.grading.handed import Student
from labsupport.grading.store import Entry, Store

__all__ = ["Row", "rows", "tasks", "write_csv"]


# Where a cell can begin, some spreadsheets split at semicolons, and what then is no text.
_FORMULA = re.compile("(?:^|(?<=;))(?=[=+@\uff1d\uff0b\uff0d\uff20\t\r\n-])")


def tasks(root: Path, *, hidden: bool) -> dict[str, Exercise]:
    """The course's exercises and steps by slug, in the order of lessons, each after its steps.

    hidden: with their hidden checks. Raises EngineError when checks cannot be loaded.
    """
    found = {}
    for folder in exercise_folders(root).values():
        exercises = load_exercises(folder)
        for slug in sorted(exercises, key=lambda slug: "." not in slug):
            if hidden:
                add_hidden(exercises[slug], folder)
            found[slug] = exercises[slug]
    return found


@dataclass(frozen=True, slots=True)
class Row:
    """A student's entries by slug; None for what is missing."""

    student: Student
    entries: dict[str, Entry | None]
    due: datetime | None

    def points(self, slug: str) -> int:
        """What the answer to a slug earned, 0 without one."""
        entry = self.entries[slug]
        return entry.report.earned if entry and entry.report else 0

    def state(self, slug: str) -> str:
        """What to know beside the points: missing, unreadable, not judged, inconclusive, late."""
        entry = self.entries[slug]
        if entry is None:
            return "missing"
        if entry.report is None:
            return "unreadable" if entry.problem else "not judged"
        if entry.report.inconclusive:
            return "inconclusive"
        late = self.due is not None and entry.when is not None and entry.when > self.due
        return "late" if late else ""

    @property
    def total(self) -> int:
        """The points of all."""
        return sum(map(self.points, self.entries))


def rows(
    store: Store, slugs: Iterable[str], roster: list[Student] | None, due: datetime | None
) -> Iterator[Row]:
    """The students, in the roster's order, then those who are not in it, by their ids."""
    slugs = list(slugs)
    listed = {student.id: student for student in roster or ()}
    others = [Student(each) for each in store.students() if each not in listed]
    for student in [*listed.values(), *others]:
        entries = {entry.slug: entry for entry in store.entries(student.id)}
        yield Row(student, {slug: entries.get(slug) for slug in slugs}, due)


def write_csv(file: IO[str], table: Iterable[Row], exercises: dict[str, Exercise]) -> None:
    """Write the table; exercises: of its columns."""
    writer = csv.writer(file, lineterminator="\n")
    of = sum(exercise.points for exercise in exercises.values())
    head = ["id", "name", "total", "of"]
    for slug in exercises:
        head += [slug, f"{slug}: state"]
    head += [f"{slug}: {check.name}" for slug, each in exercises.items() for check in each.checks]
    writer.writerow(head)
    for row in table:
        cells: list[str | int] = [_plain(row.student.id), _plain(row.student.name), row.total, of]
        for slug in exercises:
            cells += [row.points(slug), row.state(slug)]
        for slug, exercise in exercises.items():
            entry = row.entries[slug]
            earned = (
                {r.name: r.earned for r in entry.report.results} if entry and entry.report else {}
            )
            cells += [
                earned.get(check.name, "" if entry is None else 0) for check in exercise.checks
            ]
        writer.writerow(cells)


def _plain(text: str) -> str:
    """A text that no spreadsheet takes for a formula (OWASP, CSV Injection), wherever it lets a
    cell begin."""
    return _FORMULA.sub("'", text)
