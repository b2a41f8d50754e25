"""The process that runs the checks and decides: `python -m labsupport.checking.judge`.

It reads jobs, lines of JSON, from its standard input, and writes signed lines of JSON (lines) to
its standard output: for each job a plan, a result for each check, an end; or why there is none.
Checks run one after another, each with a fresh host process, a fresh event loop and its own
deadline. What the answer does to itself, a crash, a hang, a kill, becomes the verdict of that
check, and the next one begins with a new host. Only an answer that cannot even be loaded is asked
once: its problem is said once for all checks.

On Linux it stays: it has imported what checks need, keeps a zygote from which answers are forked
(forking), and another one for answers that use larger libraries, and forks a worker that does the
judging. A worker takes some jobs of one exercise and one zygote one after another, each with its
own copy of the checks, context and event loops, and is replaced by a fresh fork after that, or when
a job has left a thread behind. Elsewhere the judge judges one job and ends, and its caller starts
the next one ahead.

The end of its standard input is the end of whoever asked. It then kills every host and ends, even
while a check does not return.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn, Protocol

from labsupport.checking.answer import Answer
from labsupport.checking.asserts import Mismatch, patience, touched
from labsupport.checking.draw import Draw
from labsupport.checking.errors import EngineError, InputError
from labsupport.checking.exercise import Check, choose_exercise, load_misconceptions
from labsupport.checking.folders import removed
from labsupport.checking.hidden import add_hidden
from labsupport.checking.hosts import HostProcess, Level, Limits
from labsupport.checking.lines import Lines
from labsupport.checking.peers import AFTERMATH
from labsupport.checking.raised import AnswerRaised, HostGone
from labsupport.checking.reducing import Schedules, smaller
from labsupport.checking.remote import RemoteAnswer
from labsupport.checking.report import Result, Verdict
from labsupport.checking.spawning import Spawner
from labsupport.checking.strain import Strain
from labsupport.checking.verdicts import Clerk, masked
from labsupport.clock import Deadline

if sys.platform == "linux":
    from labsupport.checking.forking import Forker, needs_more
    from labsupport.checking.jail import syscalls

__all__ = ["LOADING", "main"]

WARM = ("h11", "labsupport.link", "labsupport.recording", "labsupport.transcript", "tomllib")
"""Modules of which some checks or reports have need, and this one has not."""

JOBS = 32
"""Jobs that a worker takes until a fresh one takes its place."""

STARTING = 20.0
"""Seconds for a fresh host to say that it is ready: an interpreter on a very busy machine."""

STARTS = 3
"""Processes that may end before they have run anything, until the run is given up."""

PATIENCE = (1.0, 2.0, 6.0)
"""A check for which the machine was too busy is tried again with so many times the time."""

REDUCING = 2.0
"""Seconds to look for a simpler schedule with which a check fails."""

LOADING = 8.0
"""Seconds in which the answer's own top-level code has to end; its imports are a part of it."""

_MORE = b"+"  # what a worker says that can take another job

Tell = Callable[[dict[str, Any]], None]


class Launcher(Protocol):
    """What starts answers: see `hosts`."""

    level: Level
    limits: Limits

    def prepare(self) -> None: ...
    def take(self) -> HostProcess: ...
    def end(self, host: HostProcess) -> None: ...


def main() -> None:
    """Judge jobs as they come, until the caller is gone."""
    results = os.dup(1)
    os.dup2(2, 1)  # what checks print must not mix with the results
    if sys.platform == "linux":
        _serve(results)
    else:
        _judge_one(results)


def _judge_one(results: int) -> None:
    """Judge one job with interpreters that are started for it, and end."""
    job = json.loads(sys.stdin.buffer.readline() or "null")
    if job is not None:
        launcher = Spawner(folder=job["scratch"])
        watch = threading.Thread(target=_end_with_caller, args=(launcher, job), daemon=True)
        watch.start()
        _judge(job, launcher, results)
        launcher.close()
    os._exit(0)  # at once: threads that waited for processes have nothing more to do


def _end_with_caller(launcher: Spawner, job: dict[str, Any]) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    launcher.kill_all()
    removed(Path(job["scratch"]))
    os._exit(1)


def _serve(results: int) -> NoReturn:
    """Hand jobs to workers, one at a time: the end of each is waited for."""
    syscalls.hide()
    forkers = [_forker(more=False)]
    _warm_up()
    jobs = _Jobs()
    worker = _Worker(forkers[0], results)
    status = 0
    scratch = ""
    while not status and (job := jobs.next()) is not None:
        scratch = job["scratch"]
        more = any(map(needs_more, (job["source"], *job["others"].values())))
        if more and len(forkers) == 1:
            forkers.append(_forker(more=True))
        while not worker.begin(job, forkers[more]):
            worker = _Worker(forkers[more], results)
        if jobs.end_during(worker.channel):
            break
        if not worker.stays():
            status = worker.ended()
            worker = _Worker(worker.forker, results)
    worker.kill()
    for forker in forkers:
        forker.stop()
    with contextlib.suppress(FileNotFoundError):  # a caller that was not killed has removed it
        if scratch and os.lstat(scratch).st_uid == os.geteuid():
            removed(Path(scratch))
    os._exit(status)


def _forker(more: bool) -> Forker:
    try:
        return Forker(more=more)
    except EngineError as error:
        sys.exit(str(error))


class _Worker:
    """A fork of this process, which judges."""

    def __init__(self, forker: Forker, results: int) -> None:
        self.forker = forker
        self._exercise = ""
        self.channel, theirs = socket.socketpair()
        me = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            syscalls.die_with_parent(me)
            self.channel.close()
            forker.enter()
            _work(theirs, forker, results)
        theirs.close()

    def begin(self, job: dict[str, Any], forker: Forker) -> bool:
        """Hand over a job. False when there is no worker for it any more: this one has ended while
        it waited, or had to end, since it has had another exercise's checks or another forker."""
        if self._exercise not in ("", job["exercise"]) or self.forker is not forker:
            self.kill()
            return False
        self._exercise = job["exercise"]
        try:
            self.channel.sendall(json.dumps(job).encode() + b"\n")
        except OSError:
            self.ended()
            return False
        return True

    def stays(self) -> bool:
        """Wait for the end of the job; whether it takes another one."""
        return self.channel.recv(1) == _MORE

    def ended(self) -> int:
        """Wait for its end; its exit status."""
        self.channel.close()
        _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status) & 0xFF

    def kill(self) -> None:
        """End it, whatever it does."""
        os.kill(self._pid, signal.SIGKILL)
        self.ended()


def _work(channel: socket.socket, forker: Forker, results: int) -> NoReturn:
    """Judge jobs until there have been enough, or one has left something behind."""
    before = threading.active_count()
    with channel.makefile("rb") as lines:
        for left in reversed(range(JOBS)):
            if not (line := lines.readline()):
                break
            job = json.loads(line)
            forker.scratch = Path(job["scratch"])
            contextvars.copy_context().run(_judge, job, forker, results)
            sys.stderr.flush()
            if not left or threading.active_count() > before:
                break
            channel.send(_MORE)
    os._exit(0)


def _warm_up() -> None:
    """Import what checks and their event loops will need: each fork has it for nothing."""
    for name in WARM:
        importlib.import_module(name)
    asyncio.run(asyncio.sleep(0))
    gc.collect()
    gc.freeze()


class _Jobs:
    """The jobs on standard input."""

    def __init__(self) -> None:
        self._read = bytearray()

    def next(self) -> dict[str, Any] | None:
        """The next job; None at the end of the input."""
        while b"\n" not in self._read:
            piece = os.read(0, 1024 * 1024)
            if not piece:
                return None
            self._read += piece
        line, _, rest = self._read.partition(b"\n")
        self._read = bytearray(rest)
        job: dict[str, Any] = json.loads(line)
        return job

    def end_during(self, worker: socket.socket) -> bool:
        """Wait until a worker says something, or ends; whether the input ended before that."""
        while True:
            ready, _, _ = select.select([0, worker.fileno()], [], [])
            if worker.fileno() in ready:
                return False
            piece = os.read(0, 1024 * 1024)
            if not piece:
                return True
            self._read += piece


def _judge(job: dict[str, Any], launcher: Launcher, results: int) -> None:
    """Judge one job and tell what came of it."""
    lines = Lines(job["key"])
    os.chdir(job["scratch"])

    def tell(message: dict[str, Any]) -> None:
        line = lines.written(message)
        while line:
            line = line[os.write(results, line) :]

    try:
        _judged(job, launcher, tell)
    except InputError as error:
        tell({"event": "refused", "message": str(error)})
    except EngineError as error:
        tell({"event": "broken", "message": str(error)})
    except TimeoutError as error:  # of the launcher
        tell({"event": "broken", "message": f"{error}. Nothing was counted; check again."})


def _judged(job: dict[str, Any], launcher: Launcher, tell: Tell) -> None:
    if not job["problem"]:
        launcher.prepare()  # the interpreter starts while checks.py is read
    folder = Path(job["exercise"])
    exercise = choose_exercise(folder, job["slug"], job["variant"])
    if job["hidden"]:
        add_hidden(exercise, folder)
    checks = exercise.selected(job["only"])
    tell(
        {
            "event": "plan",
            "title": exercise.title,
            "total": exercise.points,
            "variant": exercise.own,
        }
    )
    others = tuple(Answer(*each) for each in job["others"].items())
    answer = Answer(job["slug"], job["source"], job["label"], frozenset(job["elsewhere"]), others)
    beliefs = load_misconceptions(folder.parent)
    clerk = Clerk(exercise, answer, launcher.limits, beliefs, job["seed"])
    run = _Run(clerk, launcher, job["problem"])
    run.all(checks, tell)
    tell({"event": "end", "problem": run.problem, "level": run.level})


class _Overdue(Exception):
    """A check has not come to its end in time. places: see RemoteAnswer.where."""

    def __init__(self, places: list[dict[str, Any]]) -> None:
        super().__init__()
        self.places = places


class _Run:
    """One answer going through the checks of one exercise.

    problem: why no check can run, or empty. level: how the answer was confined, once it has run.
    """

    def __init__(self, clerk: Clerk, launcher: Launcher, problem: str) -> None:
        self.clerk = clerk
        self.answer = clerk.answer
        self.launcher = launcher
        self.problem = problem
        self.level: dict[str, Any] = {}
        self._problem_verdict: Verdict = "crashed"
        self._strained = False
        self._late = False
        self._schedules: Schedules = ()

    def all(self, checks: list[Check], tell: Tell) -> None:
        """Run the checks in order and tell each result."""
        for number, check in enumerate(checks):

            def started(more_time: float, check: Check = check) -> None:
                seconds = more_time * check.deadline + (more_time - 1) * LOADING
                tell({"event": "started", "check": check.name, "seconds": seconds})

            if self.problem:
                started(1.0)
                result = self.clerk.result(check, self._problem_verdict)
            else:
                result = self._tried(check, number + 1 < len(checks), started)
            tell({"event": "result", "result": result.to_dict()})

    def _tried(self, check: Check, more: bool, started: Callable[[float], None]) -> Result:
        """The result of a check. What came too late while others had the machine is tried again,
        with more time."""
        for more_time in PATIENCE:
            patience.set(more_time)
            started(more_time)
            result = asyncio.run(self._one(check, more))
            if not self._strained:
                return self._reduced(check, result, started)
            self.problem = ""
        return self.clerk.too_busy(check)

    def _reduced(self, check: Check, result: Result, started: Callable[[float], None]) -> Result:
        """The result with the simplest schedule that fails in the same way."""
        until = Deadline(REDUCING)
        found = drawn = self._schedules
        proposals = smaller(found)
        while result.verdict in ("failed", "crashed") and not until.expired:
            proposal = next(proposals, None)
            if proposal is None:
                break
            started(patience.get())
            other = asyncio.run(self._one(check, True, proposal))
            if (other.verdict, other.said) == (result.verdict, result.said):
                found, result = proposal, other
                proposals = smaller(found)
        return result if found == drawn else self.clerk.reduced(result, found)

    async def _one(self, check: Check, more: bool, instead: Schedules = ()) -> Result:
        for _ in range(STARTS):
            host = self.launcher.take()
            if more:
                self.launcher.prepare()
            remote = RemoteAnswer(host, self._renewed)
            async with remote.connected():
                try:
                    if not await self._started(remote):
                        said = remote.output.strip()
                        continue
                    strain = Strain(remote)
                    self._late = False
                    if await self._loaded(remote):
                        draw = Draw(self.clerk.seed_of(check), instead)
                        result = await self._performed(check, remote, draw)
                        self._schedules = draw.schedules
                    else:
                        result = self.clerk.result(check, self._problem_verdict)
                    self._strained = self._late and strain.too_much(patience.get())
                    return result
                finally:
                    self.launcher.end(remote.host)
        raise EngineError(f"{STARTS} processes in a row ended before they had run anything. {said}")

    def _renewed(self, host: HostProcess) -> HostProcess:
        """End a host and return a fresh one, while the next one starts already."""
        self.launcher.end(host)
        fresh = self.launcher.take()
        self.launcher.prepare()
        return fresh

    async def _started(self, remote: RemoteAnswer) -> bool:
        """Whether the process is there; a spare may have been killed while it waited."""
        try:
            async with asyncio.timeout(STARTING):
                await remote.ready()
        except TimeoutError:
            raise TimeoutError(f"a process did not start within {STARTING:g} s") from None
        except HostGone:
            return False
        return True

    async def _loaded(self, remote: RemoteAnswer) -> bool:
        """Run the answer's source. When that fails, it is the problem of all checks."""
        label = self.answer.label
        try:
            async with asyncio.timeout(LOADING * patience.get()):
                await remote.load(self.answer)
            return True
        except TimeoutError:
            self._late = True
            self._problem_verdict = "timed out"
            problem = [
                f"Running {label} does not end: it was still busy after {LOADING:g} s. An answer "
                "only defines things; calls belong in another cell.",
                *self.clerk.places(await remote.where()),
            ]
        except AnswerRaised as raised:
            self._problem_verdict = self.clerk.verdict_on(raised)
            problem = [
                f"Running {label} raises {raised.kind}, so nothing could be checked.",
                raised.traceback,
                *self.clerk.reasons(raised),
            ]
        except HostGone as gone:
            self._problem_verdict, said = self.clerk.end_of(gone)
            problem = [f"{said[:1].upper()}{said[1:]}, while {label} was run."]
        finally:
            self.level = self.launcher.level.to_dict() | {"unlimited": remote.missing_limits}
        self.problem = masked("\n".join(problem), remote)
        return False

    async def _performed(self, check: Check, remote: RemoteAnswer, draw: Draw) -> Result:
        error: BaseException | None = None
        touched.set(None)
        try:
            await _while_alive(
                remote,
                check.function(remote, draw, self.clerk.exercise.variant),
                check.deadline * patience.get(),
            )
        except Exception as raised:
            error = _innermost(raised)
        overdue = isinstance(error, _Overdue)
        error = remote.failure or error
        self._late = overdue or (isinstance(error, Mismatch) and error.waited)
        # A process that has ended explains what a check met at its other end.
        if remote.gone is not None or (isinstance(error, Mismatch) and not await remote.alive()):
            seen = error.said if isinstance(error, Mismatch) else ""
            assert remote.gone is not None
            return self.clerk.gone(check, remote, remote.gone, seen)
        if error is None:
            return self.clerk.result(check, "passed")
        if isinstance(error, Mismatch):
            return self.clerk.mismatch(check, remote, error)
        if isinstance(error, AnswerRaised):
            return self.clerk.crash(check, remote, error)
        if isinstance(error, _Overdue):
            return self.clerk.timeout(check, remote, error.places)
        traceback.print_exception(error)
        return self.clerk.broken(check, remote, error)


async def _while_alive(remote: RemoteAnswer, work: Awaitable[None], seconds: float) -> None:
    """Do a check's work; when the answer's process has ended, it has a moment to notice.

    Raises _Overdue. Where the answer is then is asked before what the check has set up is taken
    down, which lets the answer go on.
    """
    until = Deadline(seconds)
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            if until.expired:
                raise _Overdue(await remote.where())
            gone = asyncio.create_task(remote.ended.wait())
            await asyncio.wait(
                {task, gone}, timeout=until.left(), return_when=asyncio.FIRST_COMPLETED
            )
            gone.cancel()
            if not remote.ended.is_set():
                continue
            await asyncio.wait({task}, timeout=AFTERMATH)
            if remote.gone is not None and not task.done():
                raise remote.gone
        task.result()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _innermost(error: Exception) -> BaseException:
    """What a task group raised, as if it had been raised alone: a Mismatch before others."""
    if not isinstance(error, ExceptionGroup):
        return error
    inside = [_innermost(each) for each in error.exceptions]
    return next((each for each in inside if isinstance(each, Mismatch)), inside[0])


if __name__ == "__main__":
    main()
