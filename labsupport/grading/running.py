"""The answers that have no verdict are judged, a few at a time, and each verdict is stored.

The thread that calls does nothing but hand out answers and store what comes back; a few others
wait for a judge each (checking.engine). However many answers there are, only those that are being
judged are in memory.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from labsupport.checking import EngineError, Report, check, find_exercise
from labsupport.grading.store import Pending, Store

__all__ = ["Done", "Tally", "at_once", "judge_all"]


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
    failures: list[Done] = field(default_factory=list)
    stopped: bool = False


def at_once() -> int:
    """How many answers are judged at a time: three for each processor that this process may use.

    Much of a check is waiting. Of 120 answers, many of them wrong, two processors judged 1.0 a
    second at four, 1.2 at six and 1.3 at eight, which took a tenth more of the processors.
    """
    if hasattr(os, "sched_getaffinity"):
        return 3 * len(os.sched_getaffinity(0))
    return 3 * (os.cpu_count() or 1)


def judge_all(
    store: Store,
    root: Path,
    slugs: Iterable[str],
    *,
    hidden: bool,
    jobs: int,
    tell: Callable[[Done], None],
) -> Tally:
    """Judge what is pending of these slugs, in the course at `root`. tell: is called for each, in
    this thread.

    Ctrl-C has it wait for the answers that are being judged, store their verdicts and return.
    Raises InputError when the store can take no more; what it has stays.
    """

    def judged(pending: Pending) -> Done:
        folder = find_exercise(root, pending.answer.slug)
        try:
            report = check(pending.answer, folder, seed=pending.seed, hidden=hidden)
        except EngineError as error:
            return Done(pending, None, str(error))
        return Done(pending, report)

    tally = Tally()
    waiting = store.pending(slugs)
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="grade")
    running: set[Future[Done]] = set()

    def keep(done: Done) -> None:
        if done.report is None:
            tally.failures.append(done)
        else:
            store.add(done.pending.key, done.report)
            tally.judged += 1
            tally.inconclusive += bool(done.report.inconclusive)
        tell(done)

    try:
        while True:
            running |= {pool.submit(judged, each) for each in islice(waiting, jobs - len(running))}
            if not running:
                return tally
            ready, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ready:
                keep(future.result())
    except KeyboardInterrupt:
        tally.stopped = True
        for future in wait(running).done:
            keep(future.result())
        return tally
    finally:
        pool.shutdown(cancel_futures=True)
