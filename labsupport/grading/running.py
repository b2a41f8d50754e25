"""The answers that have no verdict are judged, a few at a time, and each verdict is stored.

Who judges is one of two: `Local`, this machine's processors, or a cluster (cluster). The thread
that calls does nothing but hand out answers and store what comes back. However many answers there
are, only those that are handed out are in memory.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Protocol, Self

from labsupport.checking import Answer, EngineError, Report, check, find_exercise
from labsupport.checking.engine import shut_down
from labsupport.grading.store import Pending, Store
from labsupport.grading.whose import Constants, Whose

__all__ = ["EACH", "Done", "Judges", "Local", "Tally", "Waits", "at_once", "judge", "judge_all"]

EACH = 3
"""How many answers are judged at a time for each processor.

Much of a check is waiting. Of 120 answers, many of them wrong, two processors judged 1.0 a second
at four, 1.2 at six and 1.3 at eight, which took a tenth more of the processors.
"""


@dataclass(frozen=True, slots=True)
class Done:
    """An answer that was judged, or could not be, which `problem` explains."""

    pending: Pending
    report: Report | None
    problem: str = ""


@dataclass(slots=True)
class Tally:
    """What came of a run. stopped: an interrupt ended it before all were judged."""

    judged: int = 0
    inconclusive: int = 0
    failed: int = 0
    stopped: bool = False


_LOOK = 0.2
"""Seconds: on Windows Ctrl-C is noticed only when a wait ends."""

Waits = Callable[[], AbstractContextManager[None]]


class Judges(Protocol):
    """Whoever judges answers, several at a time."""

    def some(self, waiting: Iterator[Pending], waits: Waits) -> list[Done]:
        """Take answers from those that wait, as many as there is room for, and wait for verdicts.

        waits: it waits in such a block, and an interrupt is raised in no other. Empty when none
        waits and none is being judged. Raises InputError and EngineError when it cannot go on; what
        it returned before stays good.
        """

    def stop(self) -> None:
        """Begin no further answer. What `some` then gives is of those that were begun."""


class Local:
    """Judges on this machine, `jobs` answers at a time; a context manager."""

    def __init__(self, root: Path, *, hidden: bool, jobs: int, whose: Whose) -> None:
        self._root, self._hidden, self._jobs, self._whose = root, hidden, jobs, whose
        self._pool = ThreadPoolExecutor(jobs, thread_name_prefix="grade")
        self._running: set[Future[Done]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        shut_down()

    def some(self, waiting: Iterator[Pending], waits: Waits) -> list[Done]:
        """See `Judges`."""
        room = self._jobs - len(self._running)
        self._running |= {self._pool.submit(self._judged, each) for each in islice(waiting, room)}
        ready: set[Future[Done]] = set()
        while self._running and not ready:
            with waits():
                ready = wait(self._running, _LOOK, FIRST_COMPLETED).done
        self._running -= ready
        return [future.result() for future in ready]

    def stop(self) -> None:
        """See `Judges`: whatever it took has begun."""

    def _judged(self, pending: Pending) -> Done:
        constants = self._whose.of(pending)
        return Done(
            pending, *judge(self._root, pending.answer, pending.seed, self._hidden, constants)
        )


def at_once() -> int:
    """How many answers are judged at a time on the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return EACH * len(os.sched_getaffinity(0))
    return EACH * (os.cpu_count() or 1)


def judge(
    root: Path, answer: Answer, seed: int, hidden: bool, constants: Constants
) -> tuple[Report | None, str]:
    """What the course at `root` says of an answer, or the problem that kept it from doing so.

    constants: see `Whose`.
    """
    folder = find_exercise(root, answer.slug)
    try:
        return check(answer, folder, seed=seed, hidden=hidden, variant=constants), ""
    except EngineError as error:
        return None, str(error)


def judge_all(
    store: Store, slugs: Iterable[str], judges: Judges, tell: Callable[[Done], None]
) -> Tally:
    """Have what is pending of these slugs judged. tell: is called for each, in this thread.

    Ctrl-C has it wait for the answers that are being judged, store their verdicts and return.
    Raises InputError when the store can take no more, and whatever `judges` raise; what the store
    has stays.
    """
    tally = Tally()
    ready: deque[Done] = deque()

    def keep(waiting: Iterator[Pending], interrupts: _Interrupts) -> None:
        while True:
            if not ready:
                ready.extend(judges.some(waiting, interrupts.end_this))
            if not ready:
                return
            done = ready.popleft()
            if done.report is None:
                tally.failed += 1
            else:
                store.add(done.pending.key, done.report)
                tally.judged += 1
                tally.inconclusive += bool(done.report.inconclusive)
            tell(done)

    with _Interrupts() as interrupts:
        try:
            keep(store.pending(slugs), interrupts)
        except KeyboardInterrupt:
            tally.stopped = True
            with interrupts.end_this():
                judges.stop()
            keep(iter(()), interrupts)
    return tally


class _Interrupts:
    """Ctrl-C ends a wait, and waits itself while a verdict is stored and told: what was told half
    would be told again. A context manager, for the main thread."""

    def __enter__(self) -> Self:
        self._asked = self._waiting = False
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is not signal.SIG_IGN:  # a shell has it ignored in what runs beside it
            signal.signal(signal.SIGINT, self._came)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    @contextmanager
    def end_this(self) -> Iterator[None]:
        """Raise KeyboardInterrupt in this block, also for a Ctrl-C that came before it."""
        try:
            self._waiting = True
            if self._asked:
                self._asked = False
                raise KeyboardInterrupt
            yield
        finally:
            self._waiting = False

    def _came(self, number: int, frame: FrameType | None) -> None:
        if self._waiting:
            raise KeyboardInterrupt
        self._asked = True
