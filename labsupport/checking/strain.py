"""Whether the machine was too busy to say that an answer is slow.

A check that waited in vain says so of the answer only if answer and judge could run while it
waited. On Linux the kernel counts for each thread how long it was ready and had no processor
(schedstat of proc(5), in nanoseconds). Elsewhere the processor time of the machine is compared with
that of the answer and the judge. Both leave out what the answer itself used: a program that keeps
the machine busy has only itself to thank.

Answer and judge wait for each other: what keeps one of them from running delays both. So the share
of the time that is left to the answer's unluckiest thread is multiplied with that of the judge's.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from labsupport.checking.remote import RemoteAnswer

__all__ = ["Strain", "too_much"]

ENOUGH = 0.5
"""The share of the usual time that must be left when the time without a processor is taken off."""

OTHERS = 0.5
"""The share of the machine that others must have used, or else the answer starved itself."""

BEYOND = 2.0
"""Whoever waited so many times as long as answer and judge ran was not kept waiting by them. So a
container at the limit of its processor time is seen, where others use little of the machine."""


class Strain:
    """Looks at the machine from its making to `too_much`."""

    def __init__(self, answer: RemoteAnswer) -> None:
        self._answer = answer
        self._begun = time.monotonic()
        self._before = _busy(), _own(), _waited(os.getpid())

    def too_much(self, patience: float) -> bool:
        """Whether others kept the answer or the judge from running for so long that what came too
        late says nothing. patience: how many times the usual time there was."""
        machine, own, waited = self._before
        elapsed = time.monotonic() - self._begun
        host = self._answer.host
        ours = _own() - own + host.cpu_seconds()
        waits = [
            _waited(os.getpid()) - waited,
            max((_waited(process.pid) for process in host.processes()), default=0.0),
        ]
        return too_much(
            elapsed, _busy() - machine, ours, waits if _COUNTS_WAITING else None, patience
        )


def too_much(
    elapsed: float,
    machine: float,
    ours: float,
    waits: Sequence[float] | None,
    patience: float = 1.0,
) -> bool:
    """Whether others kept somebody from running. All in seconds.

    machine, ours: processor time that the machine used, and of it answer and judge. waits: how long
    each of the two was ready and did not run; None where the system does not count it.
    """
    others = (machine - ours) / (elapsed * (os.cpu_count() or 1))
    if waits is None:
        waits = [others * elapsed]
    starved = others > OTHERS or max(waits) > BEYOND * ours
    left = math.prod(1 - min(each / elapsed, 1.0) for each in waits)
    return starved and left * patience < ENOUGH


def _busy() -> float:
    """Seconds for which the processors of this machine have worked."""
    times = psutil.cpu_times()
    idle: float = times.idle + getattr(times, "iowait", 0.0)
    twice: float = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)  # in user too
    return float(sum(times)) - idle - twice


def _own() -> float:
    """Seconds for which this process has worked."""
    times = os.times()
    return times.user + times.system


def _waited(pid: int) -> float:
    """Seconds that the unluckiest thread of a process was ready and did not run."""
    longest = 0
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError, ValueError, IndexError):
                longest = max(longest, int((task / "schedstat").read_text().split()[1]))
    return longest / 1e9


_COUNTS_WAITING = Path("/proc/self/schedstat").exists()
