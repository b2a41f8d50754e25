"""Files in an answer's folder, as the judge may touch them.

What lies there is the answer's doing: a link to one of the user's files, a pipe that nobody writes
to, a device. So no link is followed, nothing but a regular file is opened, and no more of it is
read than was asked for. A file may lie in folders, each of which is opened in the one before it, so
that nobody can put a link in its place meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

__all__ = ["exists", "link", "listed", "read", "writable"]

_LISTED = 1000
_WARY = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_KINDS = {
    stat.S_IFREG: "file", stat.S_IFLNK: "link", stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe",
}  # fmt: skip


def exists(folder: Path, name: str) -> bool:
    """Whether there is anything of that name."""
    return os.path.lexists(_within(folder, name))


def read(folder: Path, path: str, limit: int) -> bytes | None:
    """The content of a file of at most `limit` bytes; None when there is none. Raises OSError."""
    try:
        with _placed(folder, path, make=False) as (name, at):
            descriptor = _opened(name, os.O_RDONLY, at)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"a file of more than {limit:,} bytes")
    return content


def listed(folder: Path, name: str) -> dict[str, int]:
    """What a folder in it holds: names, and the bytes of each file, -1 for all else.

    Raises OSError, also where there are more than a thousand.
    """
    path = _within(folder, name)
    _must_be(stat.S_IFDIR, os.lstat(path).st_mode)
    found = {}
    with _scanned(path) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # it has gone meanwhile
                status = entry.stat(follow_symlinks=False)
                found[entry.name] = status.st_size if stat.S_ISREG(status.st_mode) else -1
            if len(found) > _LISTED:
                raise OSError(errno.EFBIG, f"a folder of more than {_LISTED:,} files")
    return found


def writable(folder: Path, path: str) -> int:
    """A descriptor of an empty regular file, made with the folders on its way. Raises OSError."""
    with _placed(folder, path) as (name, at):
        return _opened(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, at)


def link(folder: Path, path: str, target: str) -> None:
    """Make a symbolic link, and the folders on its way. Raises OSError."""
    with _placed(folder, path) as (name, at):
        os.symlink(target, name, dir_fd=at)


@contextlib.contextmanager
def _scanned(path: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
    """The entries of a folder, which may have been replaced since somebody looked at it."""
    if os.scandir not in os.supports_fd:  # Windows, where the answer has its caller's rights
        with os.scandir(path) as entries:
            yield entries
        return
    descriptor = os.open(path, _FOLDER | _WARY)
    try:
        with os.scandir(descriptor) as entries:
            yield entries
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _placed(folder: Path, path: str, make: bool = True) -> Iterator[tuple[str, int | None]]:
    """The last name of a path with slashes, and a descriptor of the folder for which it holds.

    Where the system has no such descriptors, the name is a whole path, and None. make: folders on
    the way that are missing.
    """
    *folders, name = path.split("/")
    if os.mkdir not in os.supports_dir_fd:  # Windows, where the answer has its caller's rights
        for each in folders:
            folder = _within(folder, each)
            if make:
                folder.mkdir(exist_ok=True)
            _must_be(stat.S_IFDIR, os.lstat(folder).st_mode)
        yield str(_within(folder, name)), None
        return
    at = os.open(folder, _FOLDER)
    try:
        for each in folders:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(_word(each), dir_fd=at)
            above, at = at, os.open(_word(each), _FOLDER | _WARY, dir_fd=at)
            os.close(above)
        yield _word(name), at
    finally:
        os.close(at)


def _opened(name: str | Path, flags: int, at: int | None = None) -> int:
    """A descriptor of a regular file. Raises OSError, also for anything else of that name."""
    with contextlib.suppress(FileNotFoundError):
        _must_be(stat.S_IFREG, os.lstat(name, dir_fd=at).st_mode)
    descriptor = os.open(name, flags | _WARY, 0o644, dir_fd=at)
    try:
        # It may have been replaced meanwhile.
        _must_be(stat.S_IFREG, os.fstat(descriptor).st_mode)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _within(folder: Path, name: str) -> Path:
    return folder / _word(name)


def _word(name: str) -> str:
    if not name or Path(name).name != name:
        raise ValueError(f"a file in the answer's folder is named by words, not {name!r}")
    return name


def _must_be(kind: int, mode: int) -> None:
    if stat.S_IFMT(mode) != kind:
        found, wanted = (_KINDS.get(each, "special file") for each in (stat.S_IFMT(mode), kind))
        raise OSError(errno.EINVAL, f"a {found}, not a {wanted}")
