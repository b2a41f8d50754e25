"""The few Linux system calls that Python 3.11 has no function for, by ctypes.

Each raises OSError with the name of the call. Constants and meanings are those of the manual pages
prctl(2), unshare(2), setns(2), mount(2), pivot_root(2), capset(2) and user_namespaces(7).

This module runs in the processes around an answer too: it imports the standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import platform
import signal
import socket
import struct
from collections.abc import Iterator
from typing import Any

MACHINE = platform.machine()

NEW_MOUNTS, NEW_UTS, NEW_IPC = 0x20000, 0x4000000, 0x8000000
NEW_USER, NEW_PIDS, NEW_NET = 0x10000000, 0x20000000, 0x40000000

READ_ONLY, NO_SUID, NO_DEVICES, NO_EXECUTION = 1, 2, 4, 8
REMOUNT, BIND, RECURSIVE, PRIVATE = 32, 4096, 16384, 1 << 18

_PARENT_DEATH_SIGNAL, _DUMPABLE, _SUBREAPER = 1, 4, 36
_NO_NEW_PRIVILEGES, _SECCOMP = 38, 22
_DROP_BOUNDING, _AMBIENT, _CLEAR_AMBIENT = 24, 47, 4
_CAPABILITIES_3 = 0x20080522  # _LINUX_CAPABILITY_VERSION_3

_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)


def checked(result: int, call: str) -> int:
    """The result of a call; OSError with its name when it is negative."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{call}: {os.strerror(code)}")
    return result


def syscall(call: str, number: int, *arguments: Any) -> int:
    """A system call by its number."""
    return checked(_libc.syscall(ctypes.c_long(number), *arguments), call)


def _prctl(option: int, value: int, more: Any = 0) -> None:
    arguments = (ctypes.c_ulong(value), more, ctypes.c_ulong(0), ctypes.c_ulong(0))
    checked(_libc.prctl(option, *arguments), f"prctl {option}")


def hide() -> None:
    """Keep other processes of this user out of this one's memory and descriptors.

    Afterwards /proc shows them only to who may trace it (ptrace(2), PTRACE_MODE).
    """
    _prctl(_DUMPABLE, 0)


def show_to_itself() -> None:
    """Undo `hide`, which a change of user ids does too: a process can open its own /proc/self."""
    _prctl(_DUMPABLE, 1)


def become_subreaper() -> None:
    """Adopt descendants that lose their parent."""
    _prctl(_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Be killed when the thread that forked this process ends. parent: its process, which may
    have ended before this call."""
    _prctl(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def forgo_privileges() -> None:
    """From now on no program that is executed gains rights (no_new_privs)."""
    _prctl(_NO_NEW_PRIVILEGES, 1)


def bound_capabilities() -> None:
    """Let nothing that this process executes gain a capability. It takes CAP_SETPCAP."""
    for capability in range(64):
        try:
            _prctl(_DROP_BOUNDING, capability)
        except OSError as error:
            if error.errno != errno.EINVAL:  # the last one that this kernel knows came before
                raise
            return


def drop_capabilities() -> None:
    """Give up every capability."""
    _prctl(_AMBIENT, _CLEAR_AMBIENT)
    head = struct.pack("Ii", _CAPABILITIES_3, 0)
    checked(_libc.capset(head, bytes(24)), "capset")


def unshare(flags: int) -> None:
    """Leave namespaces for new ones."""
    checked(_libc.unshare(flags), "unshare")


def enter(descriptor: int, flag: int) -> None:
    """Join the namespace that a descriptor stands for."""
    checked(_libc.setns(descriptor, flag), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount `source` at `target`. options: such as "size=4m,mode=755"."""
    arguments = [text.encode() or None for text in (source, target, kind, options)]
    result = _libc.mount(*arguments[:3], ctypes.c_ulong(flags), arguments[3])
    checked(result, f"mount {target}")


def detach(target: str) -> None:
    """Unmount what nobody will look up any more."""
    lazily = 2
    checked(_libc.umount2(target.encode(), lazily), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root; the former one lies at `old` below it."""
    syscall("pivot_root", _PIVOT_ROOT[MACHINE], new.encode(), old.encode())


def raise_loopback() -> None:
    """Bring up the loopback interface of a new network namespace (netdevice(7))."""
    set_flags, up_and_running = 0x8914, 1 | 8 | 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, set_flags, struct.pack("16sh22x", b"lo", up_and_running))


def map_ids(
    process: int | str,
    outside: tuple[int, int],
    inside: int,
    count: int = 1,
    *,
    proc: str = "/proc",
) -> None:
    """Say which ids the user namespace of a process knows: `inside` and the next ones are the
    outer user and group ids `outside` and the next ones. proc: one that can be written to."""
    user, group = outside
    files = {"uid_map": f"{inside} {user} {count}", "gid_map": f"{inside} {group} {count}"}
    if count == 1:  # an unprivileged process has to give up setgroups first
        files = {"setgroups": "deny", **files}
    for name, text in files.items():
        with open(f"{proc}/{process}/{name}", "w", encoding="ascii") as file:
            file.write(text)


@contextlib.contextmanager
def acting_as(user: int, group: int) -> Iterator[None]:
    """Let this thread touch files as another user and group would (setfsuid(2))."""
    before = _libc.setfsgid(group), _libc.setfsuid(user)
    try:
        yield
    finally:
        _libc.setfsuid(before[1])
        _libc.setfsgid(before[0])


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def load_filter(program: bytes) -> None:
    """Have the kernel ask a BPF program before each system call (seccomp(2)), for ever."""
    mode_filter = 2
    kept = ctypes.create_string_buffer(program, len(program))
    described = _Program(len(program) // 8, ctypes.addressof(kept))
    _prctl(_SECCOMP, mode_filter, ctypes.byref(described))
