"""What the operating system counts for a process: threads, descriptors, memory."""

from __future__ import annotations

import sys

import psutil

__all__ = ["descriptors", "memory", "threads"]


def threads(pid: int | None = None) -> int:
    """The number of threads of a process as the operating system counts them.

    ``pid``: the process; without it, this one. Raises psutil.NoSuchProcess.
    """
    return int(psutil.Process(pid).num_threads())


def descriptors(pid: int | None = None) -> int:
    """The number of open descriptors of a process; on Windows, of handles.

    Each open socket is one. Raises psutil.NoSuchProcess, psutil.AccessDenied.
    """
    process = psutil.Process(pid)
    if sys.platform == "win32":
        return int(process.num_handles())
    return int(process.num_fds())


def memory(pid: int | None = None) -> int:
    """The bytes of a process that are in main memory (resident set size).

    Memory that Python has freed may still be counted, so compare a growth and not two totals.
    """
    return int(psutil.Process(pid).memory_info().rss)
