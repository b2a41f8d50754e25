"""A fence around a process without any privilege: landlock(7), Linux 5.13 and newer.

What is not named can no longer be opened. From ABI 6 on, signals and abstract UNIX sockets do not
leave the fence either.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
from collections.abc import Iterable

from . import syscalls

__all__ = ["abi", "fence"]

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1, 2, 4, 8, 1 << 14
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_RIGHTS = {1: 13, 2: 14}  # how many rights an ABI knows; 15 from the third on
_SCOPED_FROM = 6
_ABSTRACT_SOCKETS_AND_SIGNALS = 3


class _Attributes(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """The version that this kernel has. Raises OSError where it has none."""
    return syscalls.syscall("landlock", _CREATE, None, ctypes.c_size_t(0), _ASK_VERSION)


def fence(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Confine this thread and what it starts to these files and folders.

    readable: may be read, listed and executed. writable: anything. Missing ones are left out.
    Raises OSError. It needs `syscalls.forgo_privileges` first.
    """
    version = abi()
    if version < 1:
        raise OSError(errno.ENOSYS, "landlock: not available")
    everything = (1 << _RIGHTS.get(version, 15)) - 1
    scoped = _ABSTRACT_SOCKETS_AND_SIGNALS if version >= _SCOPED_FROM else 0
    attributes = _Attributes(everything, 0, scoped)
    size = 24 if version >= _SCOPED_FROM else 16 if version >= 4 else 8
    rules = syscalls.syscall(
        "landlock", _CREATE, ctypes.byref(attributes), ctypes.c_size_t(size), 0
    )
    reading = _EXECUTE | _READ_FILE | _READ_DIR
    try:
        for paths, rights in ((readable, reading), (writable, everything)):
            for path in paths:
                with contextlib.suppress(FileNotFoundError):
                    _allow(rules, path, rights & everything)
        syscalls.syscall("landlock", _RESTRICT, rules, 0)
    finally:
        os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not os.path.isdir(path):
            rights &= _OF_FILES
        rule = _Beneath(rights, descriptor)
        syscalls.syscall("landlock", _ADD, rules, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)
