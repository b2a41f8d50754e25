"""Run a Python program on a Linux that has no Landlock: `without_landlock.py ARGUMENTS`.

A seccomp filter (seccomp(2)) answers landlock_create_ruleset with ENOSYS, as a kernel that was
built without it does, and lets all else through. Children inherit it.
"""

from __future__ import annotations

import errno
import os
import struct
import sys

from labsupport.checking.jail import syscalls

CREATE_RULESET = 444  # on every architecture
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
FAIL, ALLOW = 0x00050000, 0x7FFF0000  # SECCOMP_RET_ERRNO, SECCOMP_RET_ALLOW


def main() -> None:
    """Load the filter and become this Python with the arguments."""
    lines = (
        (LOAD, 0, 0, 0),  # the number of the system call
        (JUMP_IF_EQUAL, 0, 1, CREATE_RULESET),
        (RETURN, 0, 0, FAIL | errno.ENOSYS),
        (RETURN, 0, 0, ALLOW),
    )
    syscalls.forgo_privileges()
    syscalls.load_filter(b"".join(struct.pack("HBBI", *line) for line in lines))
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])


if __name__ == "__main__":
    main()
