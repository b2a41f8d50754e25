"""`labsupport autograder`: the zip archive that Gradescope takes to grade what students submit.

    setup.sh          installs Python and what the course needs, in the pinned versions
    run_autograder    grades a submission, and says so where that was not possible
    exercises.txt     the slugs that are graded, one a line
    course/           labsupport, the checks of all exercises, the hidden checks of these slugs

It is for the instructor and for Gradescope: it holds checks, and hidden checks. It holds no
solution, and no notebook, for there may be an answer in it. Exercises that are not graded are there
because an answer may import the answers to them. The same course gives the same archive, byte for
byte.

In a container of Gradescope the kernel decides how far an answer is sealed off; the README has the
levels. At level 1 an answer can read what is in this archive.

Where Gradescope puts what: https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from labsupport.checking import InputError, find_exercise
from labsupport.checking.exercise import choose_exercise, exercise_folders
from labsupport.checking.variants import SECRET, read_secret
from labsupport.publishing.release import is_listed

__all__ = ["write_autograder"]

_SCRIPTS = ("setup.sh", "run_autograder")
_SINGLE = (
    *("pyproject.toml", "constraints.txt", "README.md", "LICENSE", "LICENSE-lessons"),
    "exercises/misconceptions.toml",
)
_TIME = (1980, 1, 1, 0, 0, 0)  # the first that a zip archive knows
_FILE, _PROGRAM = 0o100644, 0o100755


def write_autograder(root: Path, slugs: Sequence[str], path: Path) -> None:
    """Write the archive that grades these slugs; root: of the course. Raises InputError."""
    secret = read_secret(root)
    for slug in slugs:
        exercise = choose_exercise(find_exercise(root, slug), slug)
        if secret is not None and exercise.variants:
            raise InputError(
                f"Students have their own constants in {slug}, drawn from {SECRET.as_posix()}, and "
                "the archive does not know whose a submission is. Grade it with labsupport grade."
            )
    if path.exists() and not _is_autograder(path):
        raise InputError(f"{path} is there, and no autograder's archive. Give another name.")
    part = path.with_name(f"{path.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in _SCRIPTS:
                script = (files(__package__) / "gradescope" / name).read_text(encoding="utf-8")
                _add(archive, name, script.encode())  # with line feeds alone, on Windows too
            _add(archive, "exercises.txt", "".join(f"{slug}\n" for slug in slugs).encode())
            for file in _parts(root, slugs):
                _add(archive, f"course/{file.relative_to(root).as_posix()}", file.read_bytes())
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise InputError(
            f"{path} cannot be written: {error.filename or part}: {error.strerror}."
        ) from error


def _parts(root: Path, slugs: Sequence[str]) -> Iterator[Path]:
    """The files of the course that grading needs."""
    hidden = {f"solutions/hidden/{slug.partition('.')[0]}.py" for slug in slugs}
    for name in sorted([*_SINGLE, *hidden]):
        if (root / name).is_file():
            yield root / name
    for folder in (root / "labsupport", *exercise_folders(root).values()):
        for file in sorted(folder.rglob("*")):
            listed = is_listed(file.relative_to(root).as_posix()) and file.suffix != ".ipynb"
            if listed and file.is_file():
                yield file


def _is_autograder(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return set(_SCRIPTS) <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    info = zipfile.ZipInfo(name, _TIME)
    info.create_system = 3  # Unix, whose rights follow
    info.external_attr = (_PROGRAM if name in _SCRIPTS else _FILE) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(info, data)
