"""From what happened to a verdict and its words.

A `Clerk` writes the results of one answer: it knows the exercise, the answer's source (to quote
lines) and the course's wrong beliefs. All text that leaves here is clean (no control characters)
and masked: ports, memory addresses and the private folder differ from run to run, and feedback
must not.
"""

from __future__ import annotations

import ast
import os
import re
from dataclasses import replace
from typing import Any

from labsupport.checking.answer import Answer
from labsupport.checking.asserts import Mismatch
from labsupport.checking.draw import seed_for
from labsupport.checking.exercise import Check, Exercise
from labsupport.checking.hosts import FLOOD, Limits
from labsupport.checking.parsing import parsed
from labsupport.checking.raised import AnswerRaised, HostGone, line_number
from labsupport.checking.reducing import Schedules, in_words
from labsupport.checking.remote import RemoteAnswer
from labsupport.checking.report import Result, Verdict
from labsupport.checking.showing import bounded, clean

__all__ = ["Clerk"]

_OUTPUT_LINES = 20
_MOST = 256 * 1024  # characters of a text that are looked at
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
_LIMIT_SIGNALS = {"SIGXCPU": "processor time", "SIGXFSZ": "file size"}


class Clerk:
    """Writes the results of one answer to one exercise.

    beliefs: from misconceptions.toml. seed: the one asked for; None: each check has its own.
    """

    def __init__(
        self,
        exercise: Exercise,
        answer: Answer,
        limits: Limits,
        beliefs: dict[str, dict[str, str]],
        seed: int | None,
    ) -> None:
        self.exercise = exercise
        self.answer = answer
        self.limits = limits
        self.beliefs = beliefs
        self.seed = seed

    def seed_of(self, check: Check) -> int:
        """The seed of a check's data."""
        return seed_for(self.exercise.slug, check.name) if self.seed is None else self.seed

    def result(self, check: Check, verdict: Verdict, **said: Any) -> Result:
        """A result as it stands, with what is known of the check."""
        belief = self.beliefs.get(check.misconception, {})
        return Result(
            name=check.name,
            points=check.points,
            verdict=verdict,
            seed=self.seed_of(check),
            misconception=check.misconception,
            belief=belief.get("belief", ""),
            truth=belief.get("truth", ""),
            hints=check.hints,
            hidden=check.hidden,
            behaviour=check.said,
            **said,
        )

    # ---- one check ----

    def mismatch(self, check: Check, remote: RemoteAnswer, mismatch: Mismatch) -> Result:
        """The answer did something else."""
        ladder = _ladder(remote) if mismatch.conn is None else mismatch.conn.ladder()
        places = self.places(mismatch.places)
        result = self._explained(
            check,
            mismatch.verdict,
            remote,
            said=mismatch.said,
            did=mismatch.did or remote.did,
            expected=mismatch.expected,
            got=mismatch.got,
            comparison=mismatch.comparison,
            notes=(*mismatch.notes, *places),
            ladder="" if places else ladder,  # where it waits now is not in what went before
        )
        return result if mismatch.hints is None else _without_belief(result, mismatch.hints)

    def crash(self, check: Check, remote: RemoteAnswer, raised: AnswerRaised) -> Result:
        """The answer raised an exception."""
        place = "" if raised.line is None else f" in line {raised.line}"
        said = f"your answer raised {raised.kind}{place}"
        if raised.kind == "MemoryError":
            said = f"your answer needs more memory than its limit of {self._memory()}"
        result = self._explained(
            check,
            self.verdict_on(raised),
            remote,
            said=said,
            did=remote.did,
            notes=tuple(self.reasons(raised)),
            traceback=raised.traceback,
            ladder=_ladder(remote),
        )
        if "NameError" in raised.kinds:  # a slip, behind which there is no belief about networks
            return _without_belief(result)
        return result if raised.hints is None else _without_belief(result, raised.hints)

    def gone(self, check: Check, remote: RemoteAnswer, gone: HostGone, seen: str = "") -> Result:
        """The answer's process ended. seen: what the check noticed of it."""
        verdict, said = self.end_of(gone)
        notes = (f"What the check noticed of it: {seen}",) if seen else ()
        return self._explained(check, verdict, remote, said=said, did=remote.did, notes=notes)

    def timeout(self, check: Check, remote: RemoteAnswer, places: list[dict[str, Any]]) -> Result:
        """The check's deadline has passed. places: where the answer is, as its host says."""
        return self._explained(
            check,
            "timed out",
            remote,
            said=f"your answer was not done within {check.deadline:g} s",
            did=remote.did,
            notes=tuple(self.places(places)),
            ladder=_ladder(remote),
        )

    def reduced(self, result: Result, schedules: Schedules) -> Result:
        """A failure with the simplest schedule that shows it, which is said."""
        said = f"It fails with these sizes of pieces, the fewest found: {in_words(schedules)}."
        return replace(result, notes=(*result.notes, said))

    def too_busy(self, check: Check) -> Result:
        """The machine was too busy for a check that takes time, several times."""
        return self.result(
            check,
            "inconclusive",
            said="this machine was too busy with other work to say whether your answer is slow",
        )

    def broken(self, check: Check, remote: RemoteAnswer, error: BaseException) -> Result:
        """The check itself raised something that is no verdict."""
        return self._explained(
            check,
            "inconclusive",
            remote,
            said="the check itself broke, so it says nothing about your answer",
            did=remote.did,
            notes=(f"{type(error).__name__}: {error}",),
        )

    # ---- words for parts, also of problems that concern all checks ----

    def verdict_on(self, raised: AnswerRaised) -> Verdict:
        """An exception is a crash, except when it means a limit."""
        return "killed" if raised.kind == "MemoryError" else "crashed"

    def end_of(self, gone: HostGone) -> tuple[Verdict, str]:
        """The verdict on an ended process, and a sentence."""
        signal = gone.detail if gone.how == "signal" else ""
        if gone.how == "limit":
            return "killed", self._beyond(gone.detail)
        if signal in _LIMIT_SIGNALS:
            return "killed", f"your answer went beyond its limit of {_LIMIT_SIGNALS[signal]}"
        if signal == "SIGKILL":
            return "killed", "your answer's process was killed (SIGKILL)"
        if signal:
            return "crashed", f"your answer crashed the interpreter ({signal})"
        if gone.how == "exit":
            return "crashed", (
                f"your answer ended its own process ({gone.detail}); a function returns or raises, "
                "it does not exit"
            )
        return "crashed", f"your answer's process broke: {gone.detail}"

    def reasons(self, raised: AnswerRaised) -> list[str]:
        """What is behind an exception, where the engine can tell."""
        if "ModuleNotFoundError" in raised.kinds and raised.name:
            return [f"The module `{raised.name}` is not part of this course's environment."]
        if "NameError" in raised.kinds and raised.name in self.answer.elsewhere:
            return [
                f"`{raised.name}` comes from another cell, and the answer must stand alone. Define "
                "or import it in the answer cell."
            ]
        return []

    def places(self, places: list[dict[str, Any]]) -> list[str]:
        """Where the threads of the answer are, without repetition."""
        said = (
            self._place(place) for place in places if {"line", "lines", "function"} <= set(place)
        )
        return list(dict.fromkeys(each for each in said if each))

    def _place(self, place: dict[str, Any]) -> str:
        """A loop that a thread goes round in, or the line in which it waits."""
        line, lines, function = (place.get(name) for name in ("line", "lines", "function"))
        line = line_number(line)
        if line is None or not isinstance(lines, list) or not isinstance(function, str):
            return ""
        within = "" if function == "<module>" else f"`{clean(function[:60])}`, "
        if not place.get("busy"):
            return f"It waits in {within}line {line}:\n{self._quoted(line)}"
        loop = _loop_around(self.answer.source, lines)
        if loop is None:
            # A thread is seen where it can be interrupted, which is behind what takes its time.
            return f"It is busy in {within}line {line} or right before it:\n{self._quoted(line)}"
        return f"It goes round in {within}the loop of line {loop}:\n{self._quoted(loop)}"

    def _quoted(self, line: int) -> str:
        return "    " + clean(self.answer.line(line)).strip()[:100]

    def _beyond(self, limit: str) -> str:
        """What was too much, in a sentence."""
        most = {
            "output": f"printed more than {FLOOD // 2**20} MiB",
            "memory": f"and its processes need more memory than their limit of {self._memory()}",
            "processes": f"has more than {self.limits.processes:,} processes",
            "sockets": f"lets more than {self.limits.sockets // 2**20} MiB wait in its sockets",
            "disk": f"filled its disk of {self.limits.disk // 2**20} MiB",
        }
        return f"your answer {most[limit]}"

    def _memory(self) -> str:
        return f"{self.limits.memory / 2**30:g} GiB"

    def _explained(
        self, check: Check, verdict: Verdict, remote: RemoteAnswer, **said: Any
    ) -> Result:
        said["output"] = _last_lines(remote.output)
        return self.result(
            check, verdict, **{name: masked(value, remote) for name, value in said.items()}
        )


def _without_belief(result: Result, hints: tuple[str, ...] = ()) -> Result:
    return replace(result, misconception="", belief="", truth="", hints=hints)


def masked(value: Any, remote: RemoteAnswer) -> Any:
    """Text, or a tuple of texts, for feedback: clean, bounded, the same from run to run."""
    if isinstance(value, tuple):
        return tuple(masked(each, remote) for each in value)
    text = bounded(clean(value[:_MOST]))
    for folder in (os.path.realpath(remote.home), remote.home):
        text = text.replace(folder, "FOLDER")
    text = _ADDRESS.sub("0x...", text)
    if remote.ports:
        ports = "|".join(map(re.escape, sorted(map(str, remote.ports))))
        text = re.sub(rf"(?<![\d.])(?:{ports})(?!\d)", "PORT", text)
    return text


def _ladder(remote: RemoteAnswer) -> str:
    """When a failure does not say which exchange it saw: the last one that has events."""
    return next((each.ladder() for each in reversed(remote.exchanges) if len(each.trace)), "")


def _last_lines(text: str) -> str:
    lines = text.rstrip().splitlines()
    if len(lines) <= _OUTPUT_LINES:
        return "\n".join(lines)
    return "\n".join(
        [f"... ({len(lines) - _OUTPUT_LINES:,} lines before)", *lines[-_OUTPUT_LINES:]]
    )


def _loop_around(source: str, lines: list[Any]) -> int | None:
    """The line where the innermost loop begins that holds all these lines."""
    if not lines or not all(map(line_number, lines)):
        return None
    tree = parsed(source)
    if tree is None:
        return None
    loops = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.While | ast.For | ast.AsyncFor)
        and node.lineno <= lines[0]
        and lines[-1] <= (node.end_lineno or node.lineno)
    ]
    return max(loops, default=None)
