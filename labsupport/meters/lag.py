"""How late an asyncio loop is: a callback that asks to be called again, and notes when it is.

    with LoopLag() as lag:              # on the loop that runs
        await asyncio.gather(...)
    print(lag.worst)

A loop calls back what is due when nobody else has it. So this probe is late as long as a coroutine
computes, sleeps in time.sleep, or calls what blocks, and everything else on that loop is as late.
"""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Self

__all__ = ["LoopLag"]


class LoopLag:
    """Samples of a loop's lag, taken as long as the block lasts.

    loop: the one to be watched; without it, the one that runs where the block is entered. Another
    thread may watch a loop. every: seconds from one sample to the moment when the next is due.

    samples: (due, late) in their order; due is a moment of time.perf_counter(), late the seconds by
    which the callback came after it. A callback that is still to come when the block is left is
    late by then, and counts with that.

    Raises ValueError when ``every`` is not above 0, RuntimeError where no loop runs and none is
    given. Source: https://docs.python.org/3/library/asyncio-dev.html
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop | None = None, *, every: float = 0.005
    ) -> None:
        if every <= 0:
            raise ValueError(f"a loop is looked at every so many seconds, not every {every:g}")
        self.samples: list[tuple[float, float]] = []
        self.every = every
        self._loop = loop
        self._due = 0.0
        self._left = False

    @property
    def worst(self) -> float:
        """The longest lag in seconds; 0 without samples."""
        return max((late for _, late in self.samples), default=0.0)

    def __repr__(self) -> str:
        return f"LoopLag({len(self.samples)} samples, at most {1000 * self.worst:.1f} ms late)"

    def __enter__(self) -> Self:
        self._loop = self._loop or asyncio.get_running_loop()
        self._due = time.perf_counter()
        self._loop.call_soon_threadsafe(self._called)
        return self

    def _called(self) -> None:
        if self._left or self._loop is None:
            return
        self._note()
        self._due = time.perf_counter() + self.every
        self._loop.call_later(self.every, self._called)

    def _note(self) -> None:
        self.samples.append((self._due, max(0.0, time.perf_counter() - self._due)))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._left = True  # the callback that is to come does nothing, and asks for no other
        if time.perf_counter() > self._due:
            self._note()
