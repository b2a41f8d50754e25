"""Whether the machine was too busy to say that an answer is slow.

A check that waited in vain says so of the answer only if answer and judge could run while it
waited. On Linux the kernel counts for each thread how long it was ready and had no processor
(schedstat of proc(5), in nanoseconds). Elsewhere the processor time of the machine is compared with
that of the answer and the judge. Both leave out what the answer itself used: a program that keeps
the machine busy has only itself to thank.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import psutil

from labsupport.checking.hosts import HostProcess

__all__ = ["Strain", "too_much"]

STARVED = 0.5
"""The share of its time, spent ready and without a processor, that makes a failure suspect."""

AT_ONCE = 0.25
"""Seconds; what failed sooner did not wait in vain."""

OTHERS = 0.5
"""The share of the machine that others must have used; less, and the answer starved itself."""


class Strain:
    """Looks at the machine from its making to `too_much`."""

    def __init__(self, host: HostProcess) -> None:
        self._host = host
        self._begun = time.monotonic()
        self._before = self._look()

    def too_much(self) -> bool:
        """Whether others kept the answer or the judge from running, for most of the time."""
        before, now = self._before, self._look()
        machine, ours, waited = (late - early for early, late in zip(before, now, strict=True))
        elapsed = time.monotonic() - self._begun
        return too_much(elapsed, machine, ours, waited if _COUNTS_WAITING else None)

    def _look(self) -> tuple[float, float, float]:
        """Seconds: used by the whole machine, used by answer and judge, waited by the unluckier."""
        times = psutil.cpu_times()
        machine = sum(times) - times.idle - getattr(times, "iowait", 0.0)
        machine -= getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # in user too
        own = psutil.Process().cpu_times()
        ours = self._host.cpu_seconds() + own.user + own.system
        family = [os.getpid(), *(process.pid for process in self._host.processes())]
        return machine, ours, max(_waited(pid) for pid in family)


def too_much(elapsed: float, machine: float, ours: float, waited: float | None) -> bool:
    """Whether others kept somebody from running. All in seconds.

    machine, ours: processor time that the machine used, and of it answer and judge. waited: how
    long the unluckiest thread was ready and did not run; None where the system does not count it.
    """
    if elapsed < AT_ONCE:
        return False
    others = (machine - ours) / (elapsed * (os.cpu_count() or 1))
    return others > OTHERS and (waited is None or waited / elapsed > STARVED)


def _waited(pid: int) -> float:
    """Seconds that the unluckiest thread of a process was ready and did not run."""
    longest = 0
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):
                longest = max(longest, int((task / "schedstat").read_text().split()[1]))
    return longest / 1e9


_COUNTS_WAITING = Path("/proc/self/schedstat").exists()
