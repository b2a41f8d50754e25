"""Time and chance as stand-ins: hours pass in milliseconds, and the same dice fall every time.

A `SimulatedClock` stands still until it is moved. Where an answer does one thing after another, a
sleep moves it (`moves=True`): it ends at once, and it is later. Where several things of an answer
wait at the same time, the check moves it: it waits until so many of them sleep, and calls
`advance`, which ends the sleeps that are due, in the order of their ends.

A `ScriptedRandom` gives what the check wants to see used, in the place of random.Random.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from labsupport.checking.asserts import Mismatch, patience
from labsupport.checking.showing import count, show
from labsupport.checking.standins import Coroutine, StandIn

__all__ = ["ScriptedRandom", "SimulatedClock"]


class SimulatedClock(StandIn):
    """A clock with `now()`, in seconds, and `await sleep(seconds)`.

    start: what `now()` says at first. moves: whether a sleep moves the clock by itself.

    `slept` holds the seconds of each sleep that began, in their order.
    """

    exposed = ("now", "sleep")

    def __init__(self, start: float = 0.0, *, moves: bool = True) -> None:
        self.seconds = start
        self.moves = moves
        self.slept: list[float] = []
        self._sleeps: list[_Sleep] = []
        self._changed = asyncio.Event()

    def __repr__(self) -> str:
        return "clock"

    def now(self) -> float:
        """Seconds since some moment."""
        return self.seconds

    def sleep(self, seconds: float) -> Coroutine:
        """A coroutine that ends when so many seconds have passed."""
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise Mismatch(
                "clock.sleep takes a number of seconds",
                expected="an int or a float",
                got=show(seconds),
            )
        if not (math.isfinite(seconds) and seconds >= 0):
            raise Mismatch(
                "clock.sleep takes a number of seconds, not below 0",
                expected="0 or more",
                got=show(seconds),
            )
        return _Sleep(self, seconds)

    async def advance(self, seconds: float) -> None:
        """Move the clock, and end the sleeps that are due, each at its time and in their order.

        A sleep that begins meanwhile ends with a later `advance`.
        """
        target = self.seconds + seconds
        due = [sleep for sleep in self._sleeps if sleep.ends <= target]
        for sleep in sorted(due, key=lambda sleep: sleep.ends):
            self.seconds = sleep.ends
            await sleep.end()
        self.seconds = target

    def asleep(self) -> list[float]:
        """The seconds that each sleep still has to go, the shortest first."""
        return sorted(sleep.ends - self.seconds for sleep in self._sleeps)

    async def until_asleep(self, sleepers: int, *, timeout: float = 3.0, said: str = "") -> None:
        """Wait until so many sleep. timeout: seconds of real time.

        Raises Mismatch when it does not come.
        """
        try:
            async with asyncio.timeout(timeout * patience.get()):
                while len(self._sleeps) < sleepers:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise Mismatch(
                said or f"{count(sleepers, 'call')} of clock.sleep wait at the same time",
                expected=count(sleepers, "sleep"),
                got=count(len(self._sleeps), "sleep"),
                waited=True,
            ) from None

    def _begins(self, sleep: _Sleep) -> None:
        self.slept.append(sleep.seconds)
        if self.moves:
            self.seconds += sleep.seconds
            sleep.due.set()
        else:
            sleep.ends = self.seconds + sleep.seconds
            self._sleeps.append(sleep)
            self._changed.set()

    def _ends(self, sleep: _Sleep) -> None:
        if sleep in self._sleeps:
            self._sleeps.remove(sleep)


class _Sleep(Coroutine):
    def __init__(self, clock: SimulatedClock, seconds: float) -> None:
        self.clock = clock
        self.seconds = seconds
        self.ends = 0.0
        self.due = asyncio.Event()
        self._over = asyncio.Event()

    async def end(self) -> None:
        """End it, and wait until the answer's coroutine has ended."""
        self.due.set()
        await self._over.wait()

    def begins(self) -> None:
        self.clock._begins(self)

    async def run(self) -> None:
        await self.due.wait()

    def over(self, left: bool) -> None:
        self.clock._ends(self)
        self._over.set()


class ScriptedRandom(StandIn):
    """A source of chance whose `random()` gives these numbers in turn, then the last one again.

    numbers: each from 0.0 up to, not including, 1.0. `uniform(a, b)` is a + (b - a) * random(), as
    random.Random computes it. `asked` counts.
    """

    exposed = ("random", "uniform")

    def __init__(self, numbers: Sequence[float]) -> None:
        self.numbers = list(numbers)
        self.asked = 0

    def __repr__(self) -> str:
        return "rng"

    def random(self) -> float:
        """The next number."""
        number = self.numbers[min(self.asked, len(self.numbers) - 1)]
        self.asked += 1
        return number

    def uniform(self, a: float, b: float) -> float:
        """The next number, laid out from a to b."""
        return a + (b - a) * self.random()
