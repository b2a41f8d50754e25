"""A user's copy of the course: made, and later brought up to date without losing an answer.

    python -m labsupport.classroom.copying COURSE COPY

It takes lessons and exercises and nothing else, so neither solutions nor hidden checks. Beside them
it keeps each file as it was handed out, in `.handed_out`; with that it knows who changed what:

- What is new in the course is added, and what the user has not changed is replaced. A notebook of
  which only the outputs differ is not changed.
- What the user changed stays. Where the course has changed it too, notebooks are merged cell by
  cell (merging); of any other file the course's lies beside it, as `NAME.course-DIGEST.EXT`.
- What the user deleted comes back: this is how to begin a notebook anew.
- What the course no longer has goes, unless the user changed it.
- Where an exercise has another number, and so another folder, what the user has of it moves there.

A file is complete or not there: it is written aside and renamed, so a run that is killed, or that
meets a full disk, leaves what was there, and the next one goes on. What was handed out is noted
behind each file; if a kill comes between the two, the next run finds the file as it wants it.

It runs as the user, never as the hub, and follows no link in the copy: a file that is one, or lies
behind one, is left alone and named. It expects that nobody writes to the copy meanwhile; the
user's server starts after it.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labsupport.checking import InputError
from labsupport.checking.exercise import exercise_folders
from labsupport.classroom.merging import merged, same

__all__ = ["Brought", "bring", "main"]

PARTS = ("exercises", "notebooks")
ALSO = ("LICENSE", "LICENSE-lessons")
KEPT = ".handed_out"

DONE, BAD_INPUT = 0, 2


@dataclass(slots=True)
class Brought:
    """What was done, by paths in the copy."""

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Not touched because of a link, a folder in place of a file, or the like."""

    def __str__(self) -> str:
        said = {
            "added": self.added,
            "replaced": self.replaced,
            "merged with your changes": self.merged,
            "put beside your own": self.beside,
            "removed": self.removed,
            "moved with their exercise": self.moved,
            "left alone, being no plain file or behind a link": self.left,
        }
        found = [f"{what}: {_named(paths)}" for what, paths in said.items() if paths]
        return "\n".join(found) if found else "nothing to do"


def bring(course: Path, copy: Path) -> Brought:
    """Make or update the copy of a course. Raises InputError; then the rest is as it was.

    course: a folder with exercises/ and notebooks/. copy: a folder, made if it is not there.
    """
    for part in PARTS:
        if not (course / part).is_dir():
            raise InputError(
                f"{course} is no complete course: it has no folder {part}. Name the folder that "
                "holds exercises/ and notebooks/."
            )
    return _Copying(course, copy).bring()


class _Copying:
    def __init__(self, course: Path, copy: Path) -> None:
        self.course = course
        self.copy = copy.parent.resolve() / copy.name
        self.kept = self.copy / KEPT / "files"
        self.incoming = self.copy / KEPT / "incoming"
        self.done = Brought()

    def bring(self) -> Brought:
        try:
            self._prepare()
            self._follow_numbers()
            offered = sorted(_files(self.course))
            for name in offered:
                self._one(name)
            for name in sorted(set(_files(self.kept)) - set(offered)):
                self._gone(name)
        except OSError as error:
            named = error.filename or self.copy
            raise InputError(
                f"The course could not be brought up to date: {named}: {error.strerror}. What was "
                "there is as it was; the next start tries again."
            ) from error
        return self.done

    def _prepare(self) -> None:
        """Make the folders, and clear what a killed run wrote aside."""
        for folder in (self.copy, self.copy / KEPT, self.kept, self.incoming):
            if folder.is_symlink():
                raise InputError(
                    f"{folder} is a link, and the copy of the course follows none. Move it away."
                )
            folder.mkdir(exist_ok=True)
        for file in self.incoming.iterdir():
            file.unlink()

    def _follow_numbers(self) -> None:
        """Move the folders of exercises whose number, which is for order alone, has changed."""
        folders = exercise_folders(self.course)
        names = {folder.name for folder in folders.values()}
        # What was handed out first: after a kill between the two the next run moves the other.
        for root in (self.kept, self.copy):
            within = root / "exercises"
            if within.is_symlink() or not within.is_dir():
                return
            for old in sorted(within.iterdir()):
                slug = old.name.partition("_")[2]
                if slug not in folders or old.name in names or old.is_symlink():
                    continue
                new = within / folders[slug].name
                if old.is_dir() and not os.path.lexists(new):
                    old.rename(new)
                    if root == self.copy:
                        self.done.moved.append(new.relative_to(root).as_posix())

    def _one(self, name: str) -> None:
        new = (self.course / name).read_bytes()
        if not (_is_plain(self.copy, name) and _is_plain(self.kept, name)):
            self.done.left.append(name)
            return
        mine, handed = _content(self.copy / name), _content(self.kept / name)
        if mine is None:
            self._write(new, self.copy / name)
            self.done.added.append(name)
        elif mine != new:
            if handed is not None and same(mine, handed, name):
                if mine == handed or not same(mine, new, name):
                    self._write(new, self.copy / name)
                    self.done.replaced.append(name)
            elif handed is None or not same(handed, new, name):
                self._reconcile(name, handed, mine, new)
        if handed != new:
            self._write(new, self.kept / name)

    def _reconcile(self, name: str, handed: bytes | None, mine: bytes, new: bytes) -> None:
        """Both have changed a file, or the user had one of that name before the course had."""
        if same(mine, new, name):
            return
        both = merged(handed, mine, new, name) if handed is not None else None
        if both is not None:
            self._write(both, self.copy / name)
            self.done.merged.append(name)
            return
        beside = _beside(name, new)
        if not os.path.lexists(self.copy / beside):
            self._write(new, self.copy / beside)
            self.done.beside.append(beside)

    def _gone(self, name: str) -> None:
        """The course no longer has a file that it handed out."""
        path, handed = self.copy / name, _content(self.kept / name)
        if _is_plain(self.copy, name):
            mine = _content(path)
            if mine is not None and handed is not None and same(mine, handed, name):
                path.unlink()
                self.done.removed.append(name)
                _prune(path.parent, self.copy)
        (self.kept / name).unlink()
        _prune((self.kept / name).parent, self.kept)

    def _write(self, data: bytes, path: Path) -> None:
        """Put a file in its place when it is complete and on the disk."""
        aside = self.incoming / secrets.token_hex(8)
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


def _files(root: Path) -> Iterator[str]:
    """What is handed out of a course: its plain files, by their paths with slashes.

    Hidden files, links and compiled Python are left out.
    """
    for part in PARTS:
        if (root / part).is_symlink():
            continue
        for folder, folders, names in os.walk(root / part, onerror=_raise):
            folders[:] = [each for each in folders if _is_for_users(each)]
            for each in names:
                path = Path(folder, each)
                if _is_for_users(each) and _is_file(path):
                    yield path.relative_to(root).as_posix()
    yield from (name for name in ALSO if _is_file(root / name))


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # nothing has been handed out yet
        raise error


def _is_for_users(name: str) -> bool:
    return not name.startswith(".") and name != "__pycache__"


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _is_plain(root: Path, name: str) -> bool:
    """Whether a path is a plain file in plain folders, as far as it is there at all."""
    path = root
    *folders, _ = parts = Path(name).parts
    for number, part in enumerate(parts):
        path /= part
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return True
        if not (stat.S_ISDIR(mode) if number < len(folders) else stat.S_ISREG(mode)):
            return False
    return True


def _content(path: Path) -> bytes | None:
    """What a file holds; None when it is not there."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _beside(name: str, data: bytes) -> str:
    """The name under which the course's file lies beside the user's: the same for the same."""
    path = Path(name)
    digest = hashlib.sha256(data).hexdigest()[:8]
    return path.with_name(f"{path.stem}.course-{digest}{path.suffix}").as_posix()


def _prune(folder: Path, root: Path) -> None:
    """Remove folders that have become empty, up to the root."""
    while folder != root and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _named(paths: Sequence[str]) -> str:
    most = 5
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more


def main(arguments: Sequence[str] | None = None) -> int:
    """Bring a copy up to date and say what was done; the exit status is 2 when it could not."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if len(given) != 2:
        print("usage: python -m labsupport.classroom.copying COURSE COPY", file=sys.stderr)
        return BAD_INPUT
    try:
        print(bring(Path(given[0]), Path(given[1])))
    except InputError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    return DONE


if __name__ == "__main__":
    sys.exit(main())
