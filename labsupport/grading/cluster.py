"""Answers judged on the workers of a Dask cluster (https://distributed.dask.org).

Theory of operation. Answers go out in batches, as JSON, and verdicts come back so: no code and no
object of the course travels. A worker judges a batch with the engine and the course that it has
itself, and two parts of this module run there, `describe` and `judge_batch`. The command alone
opens the store.

- The course of a worker is found from its working directory, as every command finds it, and where
  there is none, from where labsupport lies. Before anything is handed out each worker is asked what
  its keys are made of (versions); one with another course is refused. A worker may come later, so
  it also computes the key of every answer before it judges it.
- For each thread of a worker, `EACH` answers are judged at a time. A batch leaves its thread when
  its last answer has begun, so that the next batch fills what it leaves free.
- Two batches are handed out for each thread, one that is judged and one that waits. They get
  smaller towards the end, so that no worker has a large one left when the others have none
  (guided self-scheduling: Polychronopoulos and Kuck, IEEE Trans. Computers C-36(12), 1987).
- What a worker had when it died goes to another one. When more workers died with a batch than the
  scheduler allows (distributed.scheduler.allowed-failures), it may be the batch that kills them, or
  another one that was there: it is tried once more with nothing beside it, then in halves. So an
  answer that kills workers is found, and said not to be judged; the others are.
- An interrupt tells the workers to begin no further answer, and waits for those that were begun.
  Where the command is killed, a worker ends the batch that it has, and nobody takes its verdicts.

Whoever reaches the scheduler's port can run any code on the workers and, through what they return,
on the machine of the command (https://distributed.dask.org/en/stable/limitations.html#security):
a cluster is for a network whose every user is trusted. Answers are confined as the machine of their
worker permits, which each report says (checking). With tls:// both sides show certificates;
where those lie is said in Dask's own configuration (distributed.comm.tls;
https://distributed.dask.org/en/stable/tls.html).
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from labsupport.checking import Answer, EngineError, InputError, Report, find_course, find_exercise
from labsupport.checking.engine import shut_down
from labsupport.checking.exercise import exercise_folders
from labsupport.checking.showing import clean, count
from labsupport.clock import Deadline
from labsupport.grading.running import EACH, Done, Waits, judge
from labsupport.grading.store import Pending
from labsupport.grading.versions import Versions
from labsupport.grading.whose import Constants, Whose

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Cluster", "describe", "judge_batch"]

_MOST = 40  # answers in a batch
_CONNECT, _GREET = 5.0, 6.0  # seconds
_LOOK = 2.0  # seconds from one count of the workers to the next
_ALONE = 30.0  # seconds without any worker; a nanny starts another one sooner
_NAMED = 5  # workers in a message
_SHOWN = 12  # characters of a version or a digest
_ADDRESS = re.compile(r"(tcp|tls)://\S+:\d{1,5}")
_KEPT = "The verdicts that came are stored; run it again to judge the others."


# ---- on a worker ----


def describe(slugs: Iterable[str], run: str) -> dict[str, Any]:
    """The course that this process would judge with: `root`, and `parts` of its keys.

    Where there is none, `problem`. run: what it finds is kept for this run.
    """
    try:
        root = _root()
        folders = exercise_folders(root)
        known = [folders[slug] for slug in slugs if slug in folders]
        return {"root": str(root), "parts": _versions(root, run).parts(known)}
    except (InputError, EngineError, OSError) as error:
        return {"problem": str(error)}


def judge_batch(job: str) -> str:
    """Judge answers; for each a report or a problem, or None when it was not begun.

    When they would be judged by another course than the one they come from, `describe`s it.
    """
    from distributed import Status, get_worker, secede

    worker = get_worker()
    said = json.loads(job)
    run, hidden = said["run"], said["hidden"]
    answers = [
        (_answer(each["answer"]), each["seed"], each["constants"]) for each in said["answers"]
    ]
    if [each["key"] for each in said["answers"]] != _keys(answers, hidden, run):
        slugs = sorted({_base(answer.slug) for answer, *_ in answers})
        found = {"worker": worker.address, "slugs": slugs, "course": describe(slugs, run)}
        return json.dumps(found)
    root = _root()
    last_began = threading.Event()

    def judged(number: int) -> tuple[dict[str, Any] | None, str] | None:
        if number == len(answers) - 1:
            last_began.set()
        if run in _stopped or worker.status in (Status.closing, Status.closed, Status.failed):
            return None
        answer, seed, constants = answers[number]
        report, problem = judge(root, answer, seed, hidden, constants)
        return report.to_dict() if report else None, problem

    pool = _pool(EACH * worker.state.nthreads)
    futures = [pool.submit(judged, number) for number in range(len(answers))]
    last_began.wait()
    secede()
    return json.dumps({"judged": [future.result() for future in futures]})


def _stop(run: str) -> None:
    _stopped.add(run)


_stopped: set[str] = set()


@lru_cache(maxsize=1)
def _pool(at_once: int) -> ThreadPoolExecutor:
    """This worker's own, for all batches that it has."""
    return ThreadPoolExecutor(at_once, thread_name_prefix="grade")


@lru_cache(maxsize=4)
def _versions(root: Path, run: str) -> Versions:
    """Those of the files as they are when a run begins."""
    return Versions(root)


def _root() -> Path:
    return find_course(Path.cwd(), Path(__file__).resolve().parent)


def _keys(answers: list[tuple[Answer, int, Constants]], hidden: bool, run: str) -> list[str] | None:
    """The keys that these answers, with their seeds and constants, have here; None where one cannot
    have any."""
    try:
        root = _root()
        versions = _versions(root, run)
        return [
            versions.key(answer, find_exercise(root, answer.slug), seed, hidden, constants)
            for answer, seed, constants in answers
        ]
    except (InputError, EngineError, OSError):
        return None  # why, `describe` says


def _base(slug: str) -> str:
    """The exercise's, of a step's."""
    return slug.partition(".")[0]


def _answer(data: dict[str, Any]) -> Answer:
    return Answer(
        data["slug"],
        data["source"],
        data["label"],
        frozenset(data["elsewhere"]),
        tuple(_answer(other) for other in data["others"]),
    )


# ---- where the command runs ----


class Cluster:
    """Judges on the workers of the cluster whose scheduler has this address; a context manager.

    said: how many workers, in a sentence.
    """

    def __init__(
        self,
        address: str,
        root: Path,
        slugs: Iterable[str],
        *,
        hidden: bool,
        whose: Whose,
        waiting: int,
    ) -> None:
        """Connect, and compare the courses. slugs: what is graded. waiting: how many answers are.

        Raises InputError when there is no cluster, no worker, or one with another course.
        """
        self._address, self._root, self._hidden, self._whose = address, root, hidden, whose
        self._versions = Versions(root)
        self._run = secrets.token_hex(8)
        self._left = waiting
        self._running: dict[Future[str], list[Pending]] = {}
        self._again: list[list[Pending]] = []  # batches that workers died with
        self._tried: Future[str] | None = None  # the one of them that is alone on the cluster
        self._client = _connected(address)
        try:
            self._executor = self._client.get_executor(pure=False)
            self._alone = Deadline(_ALONE)
            workers = self._look()
            if not workers:
                raise InputError(
                    f"The cluster at {address} has no worker. Start one in the course's folder of "
                    f"each machine: dask worker {address}"
                )
            self._compare(sorted({_base(slug) for slug in slugs}))
            self.said = (
                f"The cluster has {count(workers, 'worker')} with "
                f"{count(self._threads, 'thread')}: {EACH * self._threads} answers at a time."
            )
        except BaseException:
            self._client.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(OSError):  # the scheduler is gone, which was said
            if self._client.status == "running":
                self._client.run(_stop, self._run, on_error="ignore")
                self._client.run(shut_down, on_error="ignore")
        self._client.close()

    def some(self, waiting: Iterator[Pending], waits: Waits) -> list[Done]:
        """See `running.Judges`."""
        while True:
            if self._looked.expired:
                with waits():
                    self._look()
            self._hand_out(waiting)
            if not self._running:
                return []
            with waits():
                ready = wait(self._running, self._looked.left(), FIRST_COMPLETED).done
            if ready:
                future = min(ready, key=Future.cancelled)  # first what is worth keeping
                if found := self._judged(future, self._running.pop(future)):
                    return found

    def stop(self) -> None:
        """See `running.Judges`."""
        self._again.clear()
        with suppress(OSError):  # the scheduler is gone, which the next look says
            self._client.run(_stop, self._run, on_error="ignore")

    def _hand_out(self, waiting: Iterator[Pending]) -> None:
        if self._tried in self._running:
            return
        if self._again:
            if not self._running:
                self._tried = self._submitted(self._again.pop())
            return
        while len(self._running) < 2 * self._threads:
            size = min(_MOST, max(EACH, self._left // (4 * self._threads)))
            batch = list(islice(waiting, size))
            if not batch:
                return
            self._left -= len(batch)
            self._submitted(batch)

    def _submitted(self, batch: list[Pending]) -> Future[str]:
        job = {
            "run": self._run,
            "hidden": self._hidden,
            "answers": [
                {
                    "key": each.key,
                    "seed": each.seed,
                    "constants": self._whose.of(each),
                    "answer": asdict(each.answer),
                }
                for each in batch
            ],
        }
        future: Future[str]
        future = self._executor.submit(judge_batch, json.dumps(job, default=sorted))
        self._running[future] = batch
        return future

    def _judged(self, future: Future[str], batch: list[Pending]) -> list[Done]:
        from distributed import KilledWorker

        try:
            said = json.loads(future.result())
        except CancelledError:
            raise self._gone() from None
        except KilledWorker as error:
            if future is self._tried and len(batch) == 1:
                died = count(error.allowed_failures + 1, "worker")
                return [Done(batch[0], None, f"{died} died while it was judged there.")]
            half = len(batch) // 2 if future is self._tried else 0
            self._again += filter(None, (batch[half:], batch[:half]))
            return []
        except (InputError, EngineError):
            raise
        except Exception as error:
            kind = type(error).__name__
            raise EngineError(f"A worker could not judge: {kind}: {error}. {_KEPT}") from error
        if "course" in said:
            course = {said["worker"]: said["course"]}
            raise InputError(f"{self._differing(course, said['slugs'])} {_KEPT}")
        return [
            Done(pending, Report.from_dict(found[0]) if found[0] else None, found[1])
            for pending, found in zip(batch, said["judged"], strict=True)
            if found
        ]

    def _look(self) -> int:
        """Count the workers. Raises EngineError when there has been none for too long."""
        self._looked = Deadline(_LOOK)
        try:
            found: dict[str, int] = self._client.nthreads()
        except (OSError, CancelledError):
            raise self._gone() from None
        if found:
            self._threads = sum(found.values())
            self._alone = Deadline(_ALONE)
        elif self._alone.expired:
            raise EngineError(f"No worker has been left for {_ALONE:.0f} seconds. {_KEPT}")
        return len(found)

    def _compare(self, slugs: list[str]) -> None:
        courses = self._client.run(describe, slugs, self._run, on_error="return")
        if differing := self._differing(courses, slugs):
            raise InputError(differing)

    def _differing(self, courses: dict[str, Any], slugs: list[str]) -> str:
        """Which of these workers have another course, in what, and what to do; empty when none."""
        ours = self._versions.parts(find_exercise(self._root, slug) for slug in slugs)
        found = {worker: why for worker, each in courses.items() if (why := _other(each, ours))}
        if not found:
            return ""
        named = [f"  {worker} {clean(why)}" for worker, why in islice(found.items(), _NAMED)]
        if len(found) > _NAMED:
            named.append(f"  and {len(found) - _NAMED} more")
        return "\n".join(
            [
                "These workers would not judge as this course does:",
                *named,
                f"Give them the course of {self._root} with its environment, start them again in "
                "that folder, and run this again.",
            ]
        )

    def _gone(self) -> EngineError:
        return EngineError(f"The scheduler at {self._address} is gone. {_KEPT}")


def _other(course: dict[str, Any] | Exception, ours: dict[str, str]) -> str:
    """In what a worker's course is another one than ours; empty when it is the same."""
    if isinstance(course, Exception):
        return f"has no such labsupport: {course}"
    if "problem" in course:
        return f"has no course: {course['problem']}"
    theirs = course["parts"]
    differing = [
        f"{name} {theirs.get(name, 'absent')[:_SHOWN]} (here {value[:_SHOWN]})"
        for name, value in ours.items()
        if theirs.get(name) != value
    ]
    return f"in {course['root']}: {', '.join(differing)}" if differing else ""


def _connected(address: str) -> Client:
    """A client of the scheduler at that address. Raises InputError when there is none."""
    try:
        from distributed import Client
        from distributed.security import Security
    except ImportError:
        raise InputError(
            "--cluster needs Dask's package `distributed`. Install it in the course's folder: "
            'python -m pip install -c constraints.txt -e ".[cluster]"'
        ) from None
    if not _ADDRESS.fullmatch(address):
        raise InputError(
            f"{clean(address)} is no address of a cluster: give that which `dask scheduler` prints,"
            " such as tcp://192.0.2.1:8786."
        )
    security = Security()
    arguments: dict[str, Any] = security.get_connection_args("client")
    if address.startswith("tls:") and not arguments["ssl_context"]:
        raise InputError(
            f"{address} needs certificates. Name them in Dask's configuration, distributed.comm.tls"
            " (https://distributed.dask.org/en/stable/tls.html)."
        )
    for name in ("distributed", "distributed.client"):  # what matters of it is said here
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        # A client waits for ever where a port is open and nobody greets.
        asyncio.run(asyncio.wait_for(_greeted(address, arguments), _GREET))
        return Client(address, timeout=_CONNECT, set_as_default=False, security=security)
    except Exception as error:  # of any kind, where what greets is no scheduler
        told = str(error) if isinstance(error, OSError) else ""
        raise InputError(
            f"There is no cluster at {address}: {told or 'what listens there is no scheduler'}. "
            "Start `dask scheduler`, and in the course's folder of each machine "
            f"`dask worker {address}`, or leave --cluster out."
        ) from error


async def _greeted(address: str, arguments: dict[str, Any]) -> None:
    """Ask who is there. Raises an exception of any kind where it is no scheduler."""
    from distributed.comm.core import connect

    comm = await connect(address, timeout=_CONNECT, **arguments)
    try:
        await comm.write({"op": "identity"})
        if (await comm.read())["type"] != "Scheduler":  # a worker
            raise LookupError
    finally:
        comm.abort()
