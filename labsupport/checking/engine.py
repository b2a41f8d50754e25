"""The caller's side of checking: keep a judge, hand it the answer, collect the report.

The caller is a kernel, a terminal or a test. It runs neither checks nor answers. The judge is a
process in its own session, so that an interrupt of the caller does not reach it halfway; it ends
when its standard input does, which happens in any case when the caller ends. Every wait is
bounded by what the judge announces.

A judge is started at the first check, or ahead by `warm_up`. When it has judged well it is kept for
the next check (elsewhere than on Linux, the next one is started ahead); after anything else (an
interrupt, an end, a silence) it is ended, and the next check starts another one. Checks that run at
the same time have a judge each.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import queue
import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labsupport.checking.answer import Answer
from labsupport.checking.errors import EngineError, InputError
from labsupport.checking.folders import removed
from labsupport.checking.lines import Lines
from labsupport.checking.report import Report, Result
from labsupport.clock import Deadline

__all__ = ["check", "shut_down", "warm_up"]

# Seconds until the plan, and for a check beyond its own deadline. Where hundreds of threads run, a
# judge says little; it has limits of its own for a process's start, loading and end (judge), and
# this is longer than all of them together.
_START = _SLACK = 45.0
_CLOSE = 5.0  # seconds for a judge to end after its input did
_GLANCE = 0.2  # seconds; on Windows an interrupt is seen only between two waits
_ROOT = Path(__file__).resolve().parents[2]

_log = logging.getLogger(__name__)


def check(
    answer: Answer,
    exercise_folder: Path | str,
    *,
    seed: int | None = None,
    only: str | None = None,
    hidden: bool = False,
    variant: Mapping[str, Any] | None = None,
) -> Report:
    """Judge an answer by the checks of an exercise.

    seed: for all data that the checks draw; by default each check has its own, derived from its
    name. only: the name of one check. hidden: run the hidden checks too, and show all of them to
    whoever reads the report; `Report.concealed` is for learners. variant: the constants of the
    student whose answer it is; by default those of this copy of the course. Raises InputError when
    slug, check or hidden checks do not exist, and EngineError when the checks could not be run to
    their end, or there are no such constants.
    """
    problem = answer.syntax_problem() or ""
    job = {
        "exercise": str(Path(exercise_folder).resolve()),
        "slug": answer.slug,
        "source": answer.source,
        "others": {other.slug: other.source for other in answer.others},
        "label": answer.label,
        "elsewhere": sorted(answer.elsewhere),
        "seed": seed,
        "only": only,
        "hidden": hidden,
        "variant": None if variant is None else dict(variant),
        "problem": problem,
    }
    try:
        plan, results, end = _judged(job)
    except OSError as error:  # no room for a folder, no process to be had
        raise EngineError(f"The checks could not be started: {error}.") from error
    return Report(
        slug=answer.slug,
        title=plan["title"],
        digest=answer.digest,
        total=plan["total"],
        results=tuple(results),
        level=end["level"],
        problem=end["problem"],
        problem_kind="syntax" if problem else "start" if end["problem"] else "",
        seed=seed,
        only=only,
        hidden=hidden,
        variant=plan["variant"],
    )


def warm_up() -> None:
    """Start a judge ahead, so that the next check finds it warm."""
    with _lock:
        if not _idle:
            _idle.append(_Judge())


def shut_down() -> None:
    """End the judges that wait for a check, and everything that they started."""
    with _lock:
        judges = [judge for judge in _idle if judge.owner == os.getpid()]
        _idle.clear()
    for judge in judges:
        judge.end()


_idle: list[_Judge] = []
_lock = threading.Lock()
atexit.register(shut_down)


def _judged(job: dict[str, Any]) -> tuple[dict[str, Any], list[Result], dict[str, Any]]:
    """Plan, results and end of a job. If an idle judge turns out broken, a new one does it."""
    judge = _idle_one()
    if judge is not None:
        try:
            return _judged_by(judge, job)
        except EngineError as error:
            _log.info("A judge is replaced. %s", error)
    return _judged_by(_Judge(), job)


def _idle_one() -> _Judge | None:
    """A judge that waits for a job and lives, if there is one."""
    with _lock:
        while _idle:
            judge = _idle.pop()
            if judge.owner == os.getpid() and judge.alive:  # a fork's parent has its own
                return judge
    return None


def _judged_by(
    judge: _Judge, job: dict[str, Any]
) -> tuple[dict[str, Any], list[Result], dict[str, Any]]:
    scratch = tempfile.mkdtemp(prefix="labsupport-")
    try:
        judge.begin(job | {"scratch": scratch})
        said = judge.collected()
    except BaseException:
        judge.end()
        raise
    finally:
        removed(Path(scratch))
    if judge.stays:
        with _lock:
            _idle.append(judge)
    else:
        judge.end()
        warm_up()
    return said


class _Judge:
    """A running judge. `stays`: it can judge again."""

    stays = sys.platform == "linux"

    def __init__(self) -> None:
        self.owner = os.getpid()
        path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed in end)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "labsupport.checking.judge"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=tempfile.gettempdir(),
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"},
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, name="judge-reader", daemon=True)
        self._reader.start()
        self._doing = "starting"

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process.poll() is None

    def end(self) -> None:
        """End it, with every process that it started."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_CLOSE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_CLOSE)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def begin(self, job: dict[str, Any]) -> None:
        """Hand over the job."""
        assert self._process.stdin is not None
        key = secrets.token_hex(32)
        self._signed = Lines(key)
        try:
            self._process.stdin.write(json.dumps(job | {"key": key}).encode("ascii") + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise self._broken("ended before it had read its job") from None

    def collected(self) -> tuple[dict[str, Any], list[Result], dict[str, Any]]:
        """The plan, the results and the end."""
        plan = self._next(_START)
        results: list[Result] = []
        wait = _SLACK
        while True:
            message = self._next(wait)
            if message["event"] == "started":
                self._doing = f"running the check {message['check']!r}"
                wait = message["seconds"] + _SLACK
            elif message["event"] == "result":
                results.append(Result.from_dict(message["result"]))
                wait = _SLACK
            else:
                return plan, results, message

    def _next(self, seconds: float) -> dict[str, Any]:
        until = Deadline(seconds)
        message = None
        while message is None:
            try:
                line = self._lines.get(timeout=min(_GLANCE, until.left()))
            except queue.Empty:
                if until.expired:
                    raise self._broken(f"said nothing for {seconds:g} s") from None
                continue
            if line is None:
                raise self._broken("ended")
            message = self._signed.read(line)
        if message["event"] == "refused":
            raise InputError(message["message"])
        if message["event"] == "broken":
            raise EngineError(message["message"])
        return message

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def _broken(self, what: str) -> EngineError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0 if what != "ended" else _CLOSE)
        status = self._process.poll()
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").strip()
        last = f" Its last words: {said.splitlines()[-1]}" if said else ""
        return EngineError(
            f"The process that runs the checks {what} while {self._doing}"
            f"{'' if status is None else f' (exit status {status})'}. Nothing was counted; check "
            f"again.{last}"
        )
