"""A copy of the course for one student: its protocols have constants that are the student's own.

In the exercises that have variants (checking.variants) the notebook is told anew with the student's
constants: the text of the task, the code of its examples, the defaults in the answer cell. Outputs
there showed the task's own constants, so they go. variant.toml beside the checks says which they
are, and `%check` judges by them. All of it follows from the secret and the student's id, which is
the one that `labsupport grade` knows the student by.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

import nbformat

from labsupport.checking import InputError
from labsupport.checking.exercise import Exercise, exercise_folders, load_exercises
from labsupport.checking.variants import FILE, SECRET, drawn, read_secret, written

__all__ = ["keep_secret", "new_secret", "varied", "write_variant"]

_HEAD = (
    "# The constants of your task. Its text and the checks have the same; leave them as they are.\n"
)
_SECRET = """\
# What the constants of the class are drawn from, for `labsupport release` and `labsupport grade`.
# Keep it, and keep it to yourself: with another one answers are judged by other constants.
"""


def new_secret() -> str:
    """128 bits that nobody can tell."""
    return secrets.token_hex(16)


def keep_secret(root: Path, secret: str) -> None:
    """Write the secret into the instructor's course at `root`, where it has none yet.

    It is there whole, or not at all. Raises InputError when it cannot be written.
    """
    if read_secret(root) == secret:
        return
    path = root / SECRET
    part = path.with_name(f"{path.name}.part")
    try:
        try:
            part.touch(mode=0o600)
            part.write_text(f'{_SECRET}secret = "{secret}"\n', encoding="utf-8")
            part.rename(path)  # where another one has come meanwhile, Windows refuses
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error


def varied(course: Path) -> dict[str, Exercise]:
    """The exercises of a course whose constants may differ, by slug."""
    found = {}
    for slug, folder in exercise_folders(course).items():
        exercise = load_exercises(folder).get(slug)
        if exercise is not None and exercise.variants:
            found[slug] = exercise
    return found


def write_variant(
    copy: Path, exercises: Mapping[str, Exercise], secret: str, student: str
) -> dict[str, dict[str, object]]:
    """Give a learner's copy of the course, fresh from a release, the constants of a student.

    exercises: see `varied`. secret: that of the instructor's course. Returns the constants of each
    exercise that has variants, by slug. Raises InputError when the copy has a student's constants
    already, or cannot be written.
    """
    folders = exercise_folders(copy)
    for folder in folders.values():
        if (folder / FILE).exists():
            raise InputError(
                f"{folder / FILE} is there: this copy has a student's constants. Begin with a copy "
                "that has none."
            )
    found: dict[str, dict[str, object]] = {}
    for slug, exercise in exercises.items():
        folder = folders[slug]
        constants = drawn(slug, exercise.variants, secret, student)
        exercise.vary(constants)
        notebook = folder / f"{slug}.ipynb"
        try:
            text = _told(notebook.read_text(encoding="utf-8"), exercise)
            notebook.write_text(text, encoding="utf-8", newline="\n")
            (folder / FILE).write_text(_HEAD + written(constants), encoding="utf-8", newline="\n")
        except OSError as error:
            raise InputError(f"{error.filename} cannot be used: {error.strerror}.") from error
        found[slug] = constants
    return found


def _told(text: str, exercise: Exercise) -> str:
    """A notebook's text as it reads for the exercise's present constants, without outputs."""
    notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        cell.source = exercise.retold(cell.source)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    written_out: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    return written_out.rstrip("\n") + "\n"
