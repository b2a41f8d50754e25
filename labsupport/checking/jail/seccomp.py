"""The system calls that an answer may not make, as a BPF program for seccomp(2).

A list of what is refused, since what an interpreter and its libraries need is too long a list: ways
into other processes, namespaces and mounts, kernel keyrings and modules, anonymous memory that no
limit counts or that all users share (asynchronous I/O), and interfaces that many holes of the past
went through (bpf, io_uring, userfaultfd, descriptor tables of the processor).
Refused calls fail with EPERM, so that a program can go on. Further rules:

- clone3 fails with ENOSYS: its flags lie in memory, which a filter cannot see, and libraries fall
  back to clone, whose flags it can. clone and unshare into new namespaces fail.
- socket is for AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK; others fail with EAFNOSUPPORT. AF_VSOCK
  in particular reaches the host of a virtual machine through any network namespace. Their type
  is stream, datagram or raw, and their protocol the usual one, TCP or UDP; others fail with
  ESOCKTNOSUPPORT or EPROTONOSUPPORT: what UDP-Lite, MPTCP or SCTP hold is in no list of TCP's or
  UDP's sockets.
- setsid fails: the kernel gives each session its share of the processors (sched(7), autogroup). A
  thousand processes that fork in one session leave the judge its turns; in a thousand they do not.
- A program for another architecture, or for x32, is killed.

Numbers: linux/arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
"""

from __future__ import annotations

import errno
import socket
import struct

from . import syscalls

__all__ = ["program"]

_X86_64 = {
    "acct": 163, "add_key": 248, "bpf": 321, "chroot": 161, "clock_settime": 227,
    "delete_module": 176, "finit_module": 313, "fsconfig": 431, "fsmount": 432, "fsopen": 430,
    "fspick": 433, "init_module": 175, "io_setup": 206, "io_uring_enter": 426,
    "io_uring_register": 427, "io_uring_setup": 425, "ioperm": 173, "iopl": 172, "kcmp": 312,
    "kexec_file_load": 320, "kexec_load": 246, "keyctl": 250, "lookup_dcookie": 212, "mbind": 237,
    "memfd_create": 319, "memfd_secret": 447, "migrate_pages": 256, "modify_ldt": 154, "mount": 165,
    "mount_setattr": 442, "move_mount": 429, "move_pages": 279, "mq_open": 240, "msgget": 68,
    "name_to_handle_at": 303, "open_by_handle_at": 304, "open_tree": 428, "perf_event_open": 298,
    "personality": 135, "pidfd_getfd": 438, "pivot_root": 155, "process_madvise": 440,
    "process_vm_readv": 310, "process_vm_writev": 311, "ptrace": 101, "quotactl": 179,
    "reboot": 169, "request_key": 249, "semget": 64, "setdomainname": 171, "sethostname": 170,
    "setns": 308, "setsid": 112, "settimeofday": 164, "shmget": 29, "swapoff": 168, "swapon": 167,
    "syslog": 103, "umount2": 166, "unshare": 272, "userfaultfd": 323, "vmsplice": 278,
}  # fmt: skip
_AARCH64 = {
    "acct": 89, "add_key": 217, "bpf": 280, "chroot": 51, "clock_settime": 112,
    "delete_module": 106, "finit_module": 273, "fsconfig": 431, "fsmount": 432, "fsopen": 430,
    "fspick": 433, "init_module": 105, "io_setup": 0, "io_uring_enter": 426,
    "io_uring_register": 427, "io_uring_setup": 425, "kcmp": 272, "kexec_file_load": 294,
    "kexec_load": 104, "keyctl": 219, "lookup_dcookie": 18, "mbind": 235, "memfd_create": 279,
    "memfd_secret": 447, "migrate_pages": 238, "mount": 40, "mount_setattr": 442, "move_mount": 429,
    "move_pages": 239, "mq_open": 180, "msgget": 186, "name_to_handle_at": 264,
    "open_by_handle_at": 265, "open_tree": 428, "perf_event_open": 241, "personality": 92,
    "pidfd_getfd": 438, "pivot_root": 41, "process_madvise": 440, "process_vm_readv": 270,
    "process_vm_writev": 271, "ptrace": 117, "quotactl": 60, "reboot": 142, "request_key": 218,
    "semget": 190, "setdomainname": 162, "sethostname": 161, "setns": 268, "setsid": 157,
    "settimeofday": 170, "shmget": 194, "swapoff": 225, "swapon": 224, "syslog": 116, "umount2": 39,
    "unshare": 97, "userfaultfd": 282, "vmsplice": 75,
}  # fmt: skip
_ARCHITECTURES = {  # AUDIT_ARCH, refused, clone, socket
    "x86_64": (0xC000003E, _X86_64, 56, 41),
    "aarch64": (0xC00000B7, _AARCH64, 220, 198),
}
_CLONE3 = 435
_X32 = 0x40000000
_NAMESPACES = 0x7E020000 | 0x80  # the CLONE_NEW flags, CLONE_NEWTIME included
_FAMILIES = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 16)  # 16: AF_NETLINK
_TYPES = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW)
_PROTOCOLS = (0, 1, socket.IPPROTO_TCP, socket.IPPROTO_UDP)  # 1: of AF_UNIX

_ALLOW, _FAIL, _KILL = 0x7FFF0000, 0x00050000, 0x80000000  # SECCOMP_RET_...
_NUMBER, _ARCHITECTURE = 0, 4  # offsets in struct seccomp_data
_FIRST_ARGUMENT, _SECOND_ARGUMENT, _THIRD_ARGUMENT = 16, 24, 32


def program() -> bytes:
    """The filter for this machine. Raises OSError (ENOSYS) on one whose calls are not known."""
    if syscalls.MACHINE not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no list of system calls for {syscalls.MACHINE}")
    architecture, refused, clone, make_socket = _ARCHITECTURES[syscalls.MACHINE]
    x32 = [_unless_at_least(_X32), _verdict(_KILL)] if syscalls.MACHINE == "x86_64" else []
    make_sockets = [
        _load(_FIRST_ARGUMENT),
        *_unless_one_of(_FAMILIES),
        _verdict(_FAIL | errno.EAFNOSUPPORT),
        _load(_SECOND_ARGUMENT),
        _only_bits(0xF),  # the others are flags
        *_unless_one_of(_TYPES),
        _verdict(_FAIL | errno.ESOCKTNOSUPPORT),
        _load(_THIRD_ARGUMENT),
        *_unless_one_of(_PROTOCOLS),
        _verdict(_FAIL | errno.EPROTONOSUPPORT),
        _verdict(_ALLOW),
    ]
    return b"".join(
        [
            _load(_ARCHITECTURE),
            _jump_if_equal(architecture, 1),
            _verdict(_KILL),
            _load(_NUMBER),
            *x32,
            _unless_equal(_CLONE3, 1),
            _verdict(_FAIL | errno.ENOSYS),
            _unless_equal(clone, 4),
            _load(_FIRST_ARGUMENT),
            _unless_any_bit(_NAMESPACES),
            _verdict(_FAIL | errno.EPERM),
            _verdict(_ALLOW),
            _unless_equal(make_socket, len(make_sockets)),
            *make_sockets,
            *(_unless_equal(number, 1) + _verdict(_FAIL | errno.EPERM)
              for number in sorted(refused.values())),
            _verdict(_ALLOW),
        ]
    )  # fmt: skip


def _instruction(code: int, when_true: int, when_false: int, value: int) -> bytes:
    return struct.pack("=HBBI", code, when_true, when_false, value)


def _load(offset: int) -> bytes:
    return _instruction(0x20, 0, 0, offset)


def _only_bits(bits: int) -> bytes:
    return _instruction(0x54, 0, 0, bits)


def _unless_one_of(values: tuple[int, ...]) -> list[bytes]:
    return [_jump_if_equal(value, len(values) - at) for at, value in enumerate(values)]


def _jump_if_equal(value: int, over: int) -> bytes:
    return _instruction(0x15, over, 0, value)


def _unless_equal(value: int, over: int) -> bytes:
    return _instruction(0x15, 0, over, value)


def _unless_at_least(value: int) -> bytes:
    return _instruction(0x35, 0, 1, value)


def _unless_any_bit(bits: int) -> bytes:
    return _instruction(0x45, 0, 1, bits)


def _verdict(value: int) -> bytes:
    return _instruction(0x06, 0, 0, value)
