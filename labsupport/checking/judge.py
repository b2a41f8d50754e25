"""The process that runs the checks and decides: `python -m labsupport.checking.judge`.

It reads one job, a line of JSON, from its standard input, and writes lines of JSON to its standard
output: a plan, a result for each check, an end; or why there is none. Checks run one after
another, each with a fresh host process and its own deadline. What the answer does to itself, a
crash, a hang, a kill, becomes the verdict of that check, and the next one begins with a new host.
Only an answer that cannot even be loaded is asked once: its problem is said once for all checks.

The end of its standard input is the end of whoever asked. A thread waits for it, kills every
host, and ends this process, even while a check does not return.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labsupport.checking.answer import Answer
from labsupport.checking.asserts import Mismatch, touched
from labsupport.checking.draw import Draw
from labsupport.checking.errors import EngineError, InputError
from labsupport.checking.exercise import Check, choose_exercise, load_misconceptions
from labsupport.checking.launcher import HostProcess, Launcher
from labsupport.checking.raised import AnswerRaised, HostGone
from labsupport.checking.remote import RemoteAnswer
from labsupport.checking.report import Result, Verdict
from labsupport.checking.verdicts import Clerk, masked

__all__ = ["LOADING", "main"]

STARTING = 20.0
"""Seconds for a fresh host to say that it is ready: an interpreter on a very busy machine."""

LOADING = 8.0
"""Seconds in which the answer's own top-level code has to end; its imports are a part of it."""

Tell = Callable[[dict[str, Any]], None]


def main() -> None:
    """Judge the one job that stands on standard input, then end."""
    results = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what checks print must not mix with the results
    job = json.loads(sys.stdin.buffer.readline())
    launcher = Launcher(folder=job["scratch"], reap=True)
    threading.Thread(target=_end_with_caller, args=(launcher, job["scratch"]), daemon=True).start()

    def tell(message: dict[str, Any]) -> None:
        results.write(json.dumps(message) + "\n")
        results.flush()

    try:
        _judged(job, launcher, tell)
    except InputError as error:
        tell({"event": "refused", "message": str(error)})
    except EngineError as error:
        tell({"event": "broken", "message": str(error)})
    except TimeoutError as error:  # of the launcher
        tell({"event": "broken", "message": f"{error}. Nothing was counted; check again."})
    finally:
        launcher.close()
    sys.stderr.flush()
    os._exit(0)  # at once: threads that waited for processes have nothing more to do


def _end_with_caller(launcher: Launcher, scratch: str) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    launcher.kill_all()
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(1)


def _judged(job: dict[str, Any], launcher: Launcher, tell: Tell) -> None:
    if not job["problem"]:
        launcher.prepare()  # the interpreter starts while checks.py is read
    folder = Path(job["exercise"])
    exercise = choose_exercise(folder, job["slug"])
    checks = exercise.selected(job["only"])
    tell(
        {
            "event": "plan",
            "title": exercise.title,
            "total": exercise.points,
            "checks": [[check.name, check.deadline] for check in checks],
        }
    )
    answer = Answer(job["slug"], job["source"], job["label"], frozenset(job["elsewhere"]))
    beliefs = load_misconceptions(folder.parent)
    clerk = Clerk(exercise, answer, launcher.limits, beliefs, job["seed"])
    run = _Run(clerk, launcher, job["problem"])
    asyncio.run(run.all(checks, tell))
    tell({"event": "end", "problem": run.problem, "level": run.level})


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

    async def all(self, checks: list[Check], tell: Tell) -> None:
        """Run the checks in order and tell each result."""
        for number, check in enumerate(checks):
            tell({"event": "started", "check": check.name})
            if self.problem:
                result = self.clerk.result(check, self._problem_verdict)
            else:
                result = await self._one(check, more=number + 1 < len(checks))
            tell({"event": "result", "result": result.to_dict()})

    async def _one(self, check: Check, more: bool) -> Result:
        host = self.launcher.take()
        if more:
            self.launcher.prepare()
        remote = RemoteAnswer(host, self._renewed)
        async with remote.connected():
            try:
                if await self._loaded(remote):
                    return await self._performed(check, remote)
                return self.clerk.result(check, self._problem_verdict)
            finally:
                await asyncio.to_thread(self.launcher.end, remote.host)

    def _renewed(self, host: HostProcess) -> HostProcess:
        """End a host and return a fresh one, while the next one starts already."""
        self.launcher.end(host)
        fresh = self.launcher.take()
        self.launcher.prepare()
        return fresh

    async def _loaded(self, remote: RemoteAnswer) -> bool:
        """Run the answer's source. When that fails, it is the problem of all checks."""
        label = self.answer.label
        try:
            async with asyncio.timeout(STARTING):
                await remote.ready()
        except TimeoutError:
            raise TimeoutError(f"a process did not start within {STARTING:g} s") from None
        except HostGone as gone:
            raise EngineError(f"The answer's process ended at its start: {gone}.") from gone
        try:
            async with asyncio.timeout(LOADING):
                await remote.load(self.answer.source, self.answer.elsewhere)
            return True
        except TimeoutError:
            self._problem_verdict = "timed out"
            problem = [
                f"Running {label} does not end: it was still busy after {LOADING:g} s. An answer "
                "only defines things; calls belong into another cell.",
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
            self.level = self.launcher.level.to_dict() | {"missing": remote.missing_limits}
        self.problem = masked("\n".join(problem), remote)
        return False

    async def _performed(self, check: Check, remote: RemoteAnswer) -> Result:
        error: BaseException | None = None
        touched.set(None)
        deadline = asyncio.timeout(check.deadline)
        try:
            async with deadline:
                await check.function(
                    remote, Draw(self.clerk.seed_of(check)), self.clerk.exercise.variant
                )
        except Exception as raised:
            error = _innermost(raised)
        error = remote.failure or error
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
        if deadline.expired():
            return self.clerk.timeout(check, remote, await remote.where())
        traceback.print_exception(error)
        return self.clerk.broken(check, remote, error)


def _innermost(error: Exception) -> BaseException:
    """What a task group raised, as if it had been raised alone: a Mismatch before others."""
    if not isinstance(error, ExceptionGroup):
        return error
    inside = [_innermost(each) for each in error.exceptions]
    return next((each for each in inside if isinstance(each, Mismatch)), inside[0])


if __name__ == "__main__":
    main()
