"""The files that a sealed answer sees: an interpreter with its packages, and little else.

A new root on a tmpfs, into which the folders of the interpreter, of the packages and of the
system's libraries are bound, none of them writable. No home, no course, no other answer. The former
root is gone once the process has moved in. A few files in etc let `localhost` and user names
resolve.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile

from . import syscalls

__all__ = ["HOME", "NAMES", "SYSTEM", "enter_new_root", "interpreter"]

HOME = "/home/answer"
"""The answer's own folder: a tmpfs of its own, its current folder, and its TMPDIR."""

SYSTEM = (
    "/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ssl", "/etc/pki", "/etc/ld.so.cache",
    "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom",
)  # fmt: skip

NAMES = (
    "/etc/group", "/etc/host.conf", "/etc/hosts", "/etc/localtime", "/etc/mime.types",
    "/etc/nsswitch.conf", "/etc/passwd", "/etc/protocols", "/etc/resolv.conf", "/etc/services",
)  # fmt: skip
"""What names of hosts, users and services are looked up in; a sealed answer has its own few."""

_FILES = {
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "etc/passwd": f"answer:x:1000:1000::{HOME}:/bin/sh\n",
    "etc/group": "answer:x:1000:\n",
    "etc/nsswitch.conf": "hosts: files\npasswd: files\ngroup: files\n",
    "etc/resolv.conf": "",
}
_LOCKED = syscalls.NO_SUID | syscalls.NO_DEVICES | syscalls.NO_EXECUTION


def interpreter() -> list[str]:
    """The folders of this interpreter and of the packages that it can import, and links to them."""
    places = {sys.base_prefix, sys.prefix}
    places |= {path for path in sys.path if path.endswith(("site-packages", "dist-packages"))}
    places |= {os.path.realpath(place) for place in places}
    return sorted(place for place in places if os.path.isdir(place) and place != "/")


def enter_new_root() -> None:
    """Build the tree and move into it. It needs a mount namespace of its own, and rights in it.

    Raises OSError.
    """
    syscalls.mount("", "/", flags=syscalls.RECURSIVE | syscalls.PRIVATE)
    root = tempfile.mkdtemp(prefix="labsupport-root-")
    try:
        _furnish(root)
        os.chdir(root)
        syscalls.pivot_root(".", "old")
    except OSError:
        with contextlib.suppress(OSError):
            syscalls.detach(root)
        os.rmdir(root)
        raise
    os.chdir("/")
    os.rmdir(f"/old{root}")
    syscalls.detach("/old")
    os.rmdir("/old")
    flags = syscalls.BIND | syscalls.REMOUNT | syscalls.READ_ONLY | syscalls.NO_SUID
    syscalls.mount("", "/", flags=flags)


def _furnish(root: str) -> None:
    """What an answer may see, in a file system of its own."""
    syscalls.mount("tmpfs", root, "tmpfs", syscalls.NO_SUID, "size=4m,mode=755")
    for name in ("etc", "old", "proc", "dev/shm", HOME[1:]):
        os.makedirs(f"{root}/{name}")
    for place in (*SYSTEM, *interpreter()):
        _bind(place, root)
    if not os.path.exists(f"{root}/tmp"):  # an environment may lie there
        os.symlink(HOME, f"{root}/tmp")
    for name, text in _FILES.items():
        with open(f"{root}/{name}", "w", encoding="ascii") as file:
            file.write(text)
    # A new proc can only be mounted where one is in full view (user_namespaces(7)).
    syscalls.mount("/proc", f"{root}/proc", flags=syscalls.BIND | syscalls.RECURSIVE)


def _bind(place: str, root: str) -> None:
    """Show a file or folder at the same place below the new root, read-only."""
    target = root + place
    try:
        kind = os.lstat(place).st_mode
    except FileNotFoundError:
        return
    if os.path.lexists(target):
        return  # inside of what is bound already
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if stat.S_ISLNK(kind):
        os.symlink(os.path.realpath(place), target)  # what it may lead over is not shown
        return
    if stat.S_ISDIR(kind):
        os.mkdir(target)
    else:
        open(target, "x").close()
    syscalls.mount(place, target, flags=syscalls.BIND | syscalls.RECURSIVE)
    flags = syscalls.BIND | syscalls.REMOUNT | syscalls.READ_ONLY | syscalls.NO_SUID
    if not stat.S_ISCHR(kind):
        flags |= syscalls.NO_DEVICES
    # What a mount forbids already, an unprivileged process has to forbid again.
    syscalls.mount("", target, flags=flags | os.statvfs(place).f_flag & _LOCKED)
