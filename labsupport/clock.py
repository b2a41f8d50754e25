"""Time that only moves forward: the time base, deadlines, and waiting for a state.

Every wait in labsupport is bounded by a `Deadline`: a moment fixed once, from which each step
asks what is `left`. So a wait made of many steps still ends when it was promised to end.

Waiting for a state has three forms. The best is to be told: a socket, an event or a thread that
is joined wakes the waiter. The second is to connect. The last is `poll`, for states that nothing
announces, such as the end of a process that is not our child. `poll` looks again after pauses
that grow from 1 ms to 50 ms, and it is the only place in labsupport that sleeps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Deadline", "now", "poll"]

T = TypeVar("T")

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.050

# On Windows before Python 3.13 time.monotonic() moves in steps of about 16 ms.
_clock = (
    time.perf_counter
    if time.get_clock_info("perf_counter").resolution < time.get_clock_info("monotonic").resolution
    else time.monotonic
)


def now() -> float:
    """Return the time in seconds on a clock that never goes back.

    The zero of the clock is arbitrary. Only differences within one process mean something.
    """
    return _clock()


class Deadline:
    """A moment that lies a number of seconds ahead.

    seconds: how far ahead, in seconds; 0 or less has expired at once.
    """

    __slots__ = ("_at", "seconds")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._at = now() + seconds

    def left(self) -> float:
        """Return the seconds that remain, never less than 0."""
        return max(0.0, self._at - now())

    @property
    def expired(self) -> bool:
        """Whether the moment has come."""
        return self.left() == 0.0

    def __repr__(self) -> str:
        return f"Deadline({self.seconds:g} s, {self.left():.3f} s left)"


def poll(condition: Callable[[], T], *, deadline: Deadline | float, said: str) -> T:
    """Wait until condition() is truthy and return what it returned.

    condition: called at least once, then again after pauses that grow from 1 ms to 50 ms.
    deadline: a Deadline, or a number of seconds from now.
    said: what did not happen, as the message of the error.

    Raises TimeoutError(said) when the deadline has expired and the condition is still falsy.
    An exception from condition() is passed on.
    """
    until = deadline if isinstance(deadline, Deadline) else Deadline(deadline)
    pause = _FIRST_PAUSE
    while True:
        # Asked before looking, so that the last look comes after the deadline and not before it.
        last = until.expired
        seen = condition()
        if seen:
            return seen
        if last:
            raise TimeoutError(said)
        time.sleep(min(pause, until.left()))
        pause = min(pause * 2, _LONGEST_PAUSE)
