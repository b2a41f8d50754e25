"""Files in an answer's folder, as the judge may touch them.

What lies there is the answer's doing: a link to one of the user's files, a pipe that nobody writes
to, a device. So a file is named by one word and no path, no link is followed, nothing but a regular
file is opened, and no more of it is read than was asked for.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

__all__ = ["exists", "opened", "read"]

_WARY = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


def exists(folder: Path, name: str) -> bool:
    """Whether there is anything of that name."""
    return os.path.lexists(_within(folder, name))


def read(folder: Path, name: str, limit: int) -> bytes | None:
    """The content of a file of at most `limit` bytes; None when there is none. Raises OSError."""
    try:
        descriptor = opened(folder, name, os.O_RDONLY)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EFBIG, f"a file of more than {limit:,} bytes")
    return content


def opened(folder: Path, name: str, flags: int) -> int:
    """A descriptor of a regular file. Raises OSError, also for anything else of that name."""
    path = _within(folder, name)
    if os.path.lexists(path):
        _must_be_regular(os.lstat(path).st_mode)
    descriptor = os.open(path, flags | _WARY, 0o644)
    try:
        _must_be_regular(os.fstat(descriptor).st_mode)  # it may have been replaced meanwhile
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _within(folder: Path, name: str) -> Path:
    if Path(name).name != name:
        raise ValueError(f"a file in the answer's folder is named by one word, not {name!r}")
    return folder / name


def _must_be_regular(mode: int) -> None:
    kinds = {stat.S_IFLNK: "link", stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe"}
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"a {kinds.get(stat.S_IFMT(mode), 'special file')}, not a file")
