"""`labsupport release`: the learners' copy of the course.

What goes into it is listed here, file by file or by the form of its name; whatever is not listed
stays with the instructor, a new folder too. Three things are changed on the way:

- Exercises lose the outputs and counts of their code cells: those are of whoever ran them last.
- The README loses what stands between the marks `CUT` and `END`.
- Files are taken as they were committed where the course is a git checkout, whatever lies in its
  folder: an answer that the instructor tried is not given away. Elsewhere as they lie there.

In the copy `make test` runs the lessons strictly and the exercises laxly: tests/everything.py sees
that the instructor's parts are not there.

With students, each has a copy with constants of its own (variants), in a folder named after the id.

What is written is written beside its place, and moved there when it is whole.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from labsupport.checking import InputError
from labsupport.checking.showing import count
from labsupport.checking.variants import SECRET, read_secret
from labsupport.grading.handed import Student
from labsupport.publishing.variants import keep_secret, new_secret, varied, write_variant

__all__ = ["CUT", "END", "NEEDED", "Release", "is_listed", "release"]

CUT, END = "<!-- not in the learners' copy: -->", "<!-- end -->"

# Without any of these the copy would not work.
NEEDED = frozenset(
    {
        *(".gitignore", "LICENSE", "LICENSE-lessons", "Makefile", "README.md"),
        *("constraints.txt", "environment.yml", "pyproject.toml"),
        "exercises/misconceptions.toml",
        *(f"tests/{name}.py" for name in ("__init__", "conftest", "everything", "order")),
        *(
            f"tests/notebooks/{name}"
            for name in (
                *("__init__.py", "comparison.py", "files.py", "hygiene.py", "kernels.py"),
                *("outputs.py", "plugin.py", "sanitize.cfg"),
            )
        ),
    }
)
_LISTED = re.compile(
    r"""
    notebooks/ \d\d[a-z]?_\w+ \.ipynb
    | notebooks/images/ [\w-]+ \.png
    | exercises/ \d\d[a-z]?_(?P<slug>\w+) / ((?P=slug)\.ipynb | checks\.py | suspects\.py)
    | labsupport/ (\w+/)* (\w+\.(py|json|html) | py\.typed | README\.md)
    | labsupport/publishing/gradescope/ (setup\.sh | run_autograder)
    """,
    re.VERBOSE,
)
_FOLDERS = ("exercises", "labsupport", "notebooks", "tests")
# Windows keeps its devices' names for itself, with any ending, and drops a dot at the end
# (https://learn.microsoft.com/windows/win32/fileio/naming-a-file).
_NAME = re.compile(r"(?!(con|prn|aux|nul|(com|lpt)\d)(\.|\Z))[^\W_]([\w.@+-]*[\w@+-])?", re.I)
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Release:
    """What was released. files: their number in a copy. committed: whether git gave them.

    left: paths of the list that differ from what is committed, or are not. students: how many have
    a copy; 0 where there is one for all.
    """

    target: Path
    files: int
    committed: bool
    left: tuple[str, ...] = ()
    students: int = 0

    def __str__(self) -> str:
        """What the instructor has to know of it."""
        what = "The learners' copy"
        if self.students:
            what = f"A copy for each of {count(self.students, 'student')}"
        lines = [f"{what}, {self.files} files: {self.target}"]
        if not self.committed:
            lines.append(
                "The course is no git checkout: files were taken as they lie in its folder. Look "
                "into exercises/ for answers of your own."
            )
        if self.left:
            lines.append(f"Released as committed, not as they lie here: {_listing(self.left)}.")
        return "\n".join(lines)


def release(root: Path, target: Path, students: Sequence[Student] | None = None) -> Release:
    """Write the learners' copy of the course at `root` into the new folder `target`.

    students: who has a copy with other constants, in a folder of it; None for one copy for all.
    Raises InputError when it cannot, `target` is then as it was; and EngineError when checks cannot
    be loaded.
    """
    if not (root / "solutions").is_dir():
        raise InputError(
            f"{root} has no folder solutions: it is a learners' copy itself, or a part of the "
            "course. Release from the whole course. A copy can be given on as it is."
        )
    target = _new_place(root, target)
    secret = _secret(root, students)
    committed = _is_checkout(root)
    found = _committed(root) if committed else _lying(root)
    missing = sorted(NEEDED - found.keys())
    if missing:
        lacking = "are not committed" if committed else "are missing"
        raise InputError(f"This course is not whole; these files {lacking}: {_listing(missing)}.")
    left = tuple(_not_committed(root)) if committed else ()
    learners = {path: _for_learners(path, data) for path, data in found.items()}
    with _in_place(target) as folder:
        if students is None:
            _write(learners, folder)
        else:
            # As they are committed; where they are loaded Python leaves compiled ones.
            with tempfile.TemporaryDirectory(prefix="labsupport-release-") as scratch:
                _write(learners, Path(scratch))
                exercises = varied(Path(scratch))
            for student in students:
                _write(learners, folder / student.id)
                write_variant(folder / student.id, exercises, secret, student.id)
            keep_secret(root, secret)
    return Release(target, len(learners), committed, left, len(students or ()))


def _secret(root: Path, students: Sequence[Student] | None) -> str:
    """What constants are drawn from; "" where all have the task's own. Raises InputError."""
    secret = read_secret(root)
    if students is None:
        if secret is not None:
            raise InputError(
                f"{root / SECRET} is there: labsupport grade judges each student by constants of "
                "their own, which this copy would not have. Give --variant-by student and "
                "--roster. Or delete it, if no student works with such a copy."
            )
        return ""
    _check_names(students)
    return secret or new_secret()


def _check_names(students: Sequence[Student]) -> None:
    """Raise InputError where the copies cannot be named after the students' ids."""
    if not students:
        raise InputError("The roster names no student, so there is nobody to make a copy for.")
    if odd := next((each.id for each in students if not _NAME.fullmatch(each.id)), None):
        raise InputError(
            f"{odd!r} cannot be the name of a folder on every system, and each copy is named after "
            "its student's id. Give ids of letters, digits and the signs . _ @ + -"
        )
    known: dict[str, str] = {}
    for each in students:
        if (other := known.setdefault(each.id.casefold(), each.id)) != each.id:
            raise InputError(
                f"{other} and {each.id} are one name on Windows and macOS, and each copy is named "
                "after its student's id. Give ids that differ in more than capitals."
            )


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    for path, data in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def _new_place(root: Path, target: Path) -> Path:
    """The absolute path of the folder to make. Raises InputError where that cannot be done."""
    try:
        place = target.resolve()
        if any(each.exists() and each.samefile(root) for each in (place, *place.parents)):
            raise InputError(
                f"{target} lies in the course itself. Give a folder outside of it, such as "
                f"{root.parent / f'{root.name}-learners'}."
            )
        if place.is_dir() and any(place.iterdir()):
            raise InputError(f"{target} is not empty. Give the name of a new folder.")
        if place.exists() and not place.is_dir():
            raise InputError(f"{target} is a file. Give the name of a new folder.")
        if not place.parent.is_dir():
            raise InputError(f"There is no folder {place.parent} to put {place.name} into.")
    except OSError as error:
        raise InputError(f"{target} cannot be used: {error.strerror}.") from error
    return place


def _listing(paths: Sequence[str]) -> str:
    more = len(paths) - _SHOWN
    return ", ".join(paths[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def is_listed(path: str) -> bool:
    """Whether a path below the course's root is one of the learners' copy."""
    return path in NEEDED or _LISTED.fullmatch(path) is not None


def _is_checkout(root: Path) -> bool:
    """Whether git keeps the course: as a repository, or as a folder in one."""
    if (root / ".git").exists():
        return True
    if not any((folder / ".git").exists() for folder in root.parents):
        return False
    return bool(_git(root, "ls-files", "--", "pyproject.toml"))


def _committed(root: Path) -> dict[str, bytes]:
    """The listed files as the last commit has them, by their paths below the course's root."""
    # Line ends as they are committed: a copy made on Windows is used elsewhere.
    archive = _git(root, "-c", "core.autocrlf=false", "archive", "--format=tar", "HEAD")
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        for member in members:
            inside = members.extractfile(member) if member.isreg() else None
            if inside is not None and is_listed(member.name):
                found[member.name] = inside.read()
    return found


def _lying(root: Path) -> dict[str, bytes]:
    """The listed files as they lie in the folder, by their paths below the course's root."""
    below = [path for name in _FOLDERS for path in sorted((root / name).rglob("*"))]
    found = {}
    for path in (*sorted(root.iterdir()), *below):
        name = path.relative_to(root).as_posix()
        if is_listed(name) and path.is_file() and not path.is_symlink():
            try:
                found[name] = path.read_bytes()
            except OSError as error:
                raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    return found


def _not_committed(root: Path) -> Iterator[str]:
    """The listed paths at which the folder and the last commit differ."""
    above = _git(root, "rev-parse", "--show-prefix").decode("utf-8", "replace").rstrip("\n")
    options = ("--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", ".")
    for entry in _git(root, "status", *options).decode("utf-8", "replace").split("\0"):
        path = entry[3:].removeprefix(above)
        if is_listed(path):
            yield path


def _git(root: Path, *arguments: str) -> bytes:
    """What git says. Raises InputError when it cannot."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise InputError(
            f"The course is a git checkout, but git cannot be run here ({error.strerror}). "
            "Install it: what is released is what is committed."
        ) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise InputError(f"git cannot say what is committed in {root}. It says: {said}")
    return done.stdout


def _for_learners(path: str, data: bytes) -> bytes:
    """What of a file goes into the copy."""
    if path == "README.md":
        return _without_cuts(data.decode("utf-8")).encode("utf-8")
    if path.startswith("exercises/") and PurePosixPath(path).suffix == ".ipynb":
        return _cleared(path, data)
    return data


def _without_cuts(text: str) -> str:
    return re.sub(rf"{re.escape(CUT)}\n?.*?{re.escape(END)}\n*", "", text, flags=re.DOTALL)


def _cleared(path: str, data: bytes) -> bytes:
    """A notebook without the outputs and counts of its code cells. Raises InputError."""
    try:
        notebook = json.loads(data)
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell |= {"outputs": [], "execution_count": None}
        # As nbformat writes it, so that only what is cleared differs.
        text = json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True)
        return f"{text}\n".encode()
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"{path} cannot be read as a notebook: {error}") from error


@contextlib.contextmanager
def _in_place(target: Path) -> Iterator[Path]:
    """A new folder that is moved to `target` when it is complete. Raises InputError.

    A killed run leaves it beside `target`, under a name that begins with a dot.
    """
    try:
        around = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            folder = around / target.name
            folder.mkdir()
            yield folder
            if target.exists():
                target.rmdir()  # it is empty; Windows moves no folder over another
            os.rename(folder, target)
        finally:
            shutil.rmtree(around, ignore_errors=True)
    except OSError as error:
        raise InputError(
            f"The copy cannot be written to {target}: {error.strerror}. Nothing of it is left."
        ) from error
