"""Whose answer to which exercise a file is.

Four layouts are known, by the paths alone, and of these by the part that no student names:

    ALICE/.../framing.ipynb                       a folder for each student
    submitted/ALICE/ASSIGNMENT/framing.ipynb      nbgrader's; timestamp.txt beside it tells when
    NAME_NUMBER_assignsubmission_file/...         as Moodle exports them; the number is the id
    NAME_NUMBER_NUMBER_FILE                       as Canvas does; the first number is the id

ALICE may be an archive, ALICE.zip. Which exercises a notebook answers, its `%%answer` cells say,
whatever its name is; a Python file is named after its exercise. A file that answers nothing of this
course is passed over, and said.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from labsupport.checking import Answer, InputError
from labsupport.checking.answer import slugs_in
from labsupport.grading.files import ARCHIVES, SUBMITTED, File, Refused

__all__ = ["Handed", "Stamp", "Student", "handed_in", "read_roster", "submitted"]

_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_file_?")
_CANVAS = re.compile(r"(?P<name>[^_]+)_(?:LATE_)?(?P<id>\d+)_\d+_(?P<file>.+)")
_AGAIN = re.compile(r"-\d+(?=\.py$)")  # Canvas numbers what is handed in again
_ID = ("id", "student", "student_id", "sis user id", "username")
_NAME = ("name", "student_name", "full name")


@dataclass(frozen=True, slots=True)
class Student:
    """Somebody of the roster."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Handed:
    """What a student handed in for a slug. answer: None where there is no reading it, which
    `problem` explains. when: it was handed in, if that is known."""

    student: str
    slug: str
    path: str
    when: datetime | None
    answer: Answer | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Stamp:
    """When the files of a folder were handed in, whatever they tell themselves."""

    folder: str
    when: datetime


def read_roster(path: Path) -> list[Student]:
    """The students of a CSV file with a header line; a column is called id, another may be name.

    Raises InputError.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text. Export the roster as CSV in UTF-8.") from None
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        return _students(path, rows)
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}, is no CSV: {error}.") from error


def _students(path: Path, rows: csv.DictReader[str]) -> list[Student]:
    names = [name for name in rows.fieldnames or [] if name]
    named = [name.strip().lower() for name in names]
    if twice := sorted({name for name in named if named.count(name) > 1} & {*_ID, *_NAME}):
        raise InputError(f"{path} has the column {twice[0]} twice. Take one of them out.")
    columns = dict(zip(named, names, strict=True))
    id_column = next((columns[name] for name in _ID if name in columns), None)
    if id_column is None:
        raise InputError(
            f"{path} has no column `id`. The first line of a roster names its columns; it has: "
            f"{', '.join(columns) or 'none'}."
        )
    name_column = next((columns[name] for name in _NAME if name in columns), None)
    students: dict[str, Student] = {}
    for row in rows:
        student = Student(
            (row[id_column] or "").strip(), (row.get(name_column or "") or "").strip()
        )
        if not student.id:
            raise InputError(f"{path}, line {rows.line_num}: there is no id.")
        if student.id in students:
            raise InputError(
                f"{path} has {student.id!r} twice; the second is line {rows.line_num}."
            )
        students[student.id] = student
    return list(students.values())


def submitted(place: Path) -> Path:
    """Where a class's files lie. nbgrader's course folder has further copies beside them, sources,
    releases and graded answers."""
    inside = place / SUBMITTED
    return inside if inside.is_dir() else place


def handed_in(
    files: Iterable[File | Refused], known: Iterable[str], student: str | None = None
) -> Iterator[Handed | Stamp | Refused]:
    """What these files answer.

    known: the slugs of the course's exercises and steps. student: whose files all of them are;
    without it, the paths tell.
    """
    slugs = frozenset(known)
    for file in files:
        if isinstance(file, Refused):
            yield file
        elif file.path.name == "timestamp.txt":
            # nbgrader writes it into submitted/STUDENT/ASSIGNMENT; any other is the student's own.
            if file.path.parts[0] == SUBMITTED and len(file.path.parts) == 4:
                yield from _stamp(file)
        elif student is not None:
            yield from _answers(file, student, file.path.name, slugs)
        elif (placed := _placed(file.path)) is None:
            yield Refused(str(file.path), "lies in no student's folder")
        else:
            yield from _answers(file, *placed, slugs)


def _placed(path: PurePosixPath) -> tuple[str, str] | None:
    """The student's id, and the name that the student gave to the file."""
    parts = path.parts[1:] if path.parts[0] == SUBMITTED else path.parts
    first, inside = parts[0], len(parts) > 1
    if inside and (match := _MOODLE.fullmatch(first)):
        return match["id"], path.name
    ending = max((each for each in ARCHIVES if first.lower().endswith(each)), key=len, default="")
    if (match := _CANVAS.fullmatch(first)) and (not inside or ending):
        return match["id"], path.name if inside else match["file"]
    if not inside:
        return None
    return first[: len(first) - len(ending)], path.name


def _stamp(file: File) -> Iterator[Stamp | Refused]:
    """The time in a time stamp as nbgrader writes it: 2026-10-01 12:00:00 UTC."""
    text = file.data.decode("ascii", "replace").strip()
    try:
        when = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        yield Refused(str(file.path), f"is no time stamp: {text[:40]!r}")
    else:
        yield Stamp(str(file.path.parent), when if when.tzinfo else when.replace(tzinfo=UTC))


def _answers(
    file: File, student: str, name: str, slugs: frozenset[str]
) -> Iterator[Handed | Refused]:
    path = str(file.path)
    if not name.endswith((".ipynb", ".py")):
        return
    name = _AGAIN.sub("", name)
    try:
        found = slugs_in(file.data, name)
    except InputError as error:
        yield Refused(path, str(error).removeprefix(f"{name} ").rstrip("."))
        return
    mine = [slug for slug in found if slug in slugs]
    if not mine:
        yield Refused(path, "answers nothing of this course")
    for slug in mine:
        try:
            answer = Answer.from_bytes(file.data, name, slug)
            answer.source.encode()
        except InputError as error:
            yield Handed(student, slug, path, file.when, None, str(error))
        except UnicodeEncodeError:  # JSON can name halves of characters
            problem = "It has half of a character in it, which is no text."
            yield Handed(student, slug, path, file.when, None, problem)
        else:
            yield Handed(student, slug, path, file.when, answer)
