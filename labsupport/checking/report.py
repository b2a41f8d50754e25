"""What came of checking one answer, as plain data.

A `Report` holds a `Result` for each check, in the checks' order. Both go over a pipe, into a file
or a database as JSON (`to_dict`, `from_dict`), and everything that feedback shows is in them as
text, already free of what differs between two runs.

A result of a hidden check says as much as any other: it is for the instructor. `concealed` makes of
it what a learner may see. That is done on the data and not where it is shown, so that no page and
no export has to remember it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

__all__ = ["Report", "Result", "Verdict"]

Verdict = Literal["passed", "failed", "crashed", "timed out", "killed", "leaked", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Result:
    """What one check found.

    verdict: "passed", "failed" (did something else), "crashed" (raised, or ended itself),
        "timed out", "killed" (went beyond a limit), "leaked" (left something open), or
        "inconclusive" (the check itself broke, or the machine was too busy: no points are counted,
        and it never counts as passed).
    said, did, expected, got, comparison: see `asserts.Mismatch`. notes: further paragraphs.
    traceback: the answer's part of it. output: what the answer printed. ladder: the exchange.
    misconception, belief, truth: the wrong belief behind it. hints: all, from vague to concrete.
    seed: of the check's data; None where it is concealed.
    hidden: whether it is a hidden check's. behaviour: what that asks for, in a sentence.
    """

    name: str
    points: int
    verdict: Verdict
    seed: int | None
    said: str = ""
    did: str = ""
    expected: str = ""
    got: str = ""
    comparison: str = ""
    notes: tuple[str, ...] = ()
    traceback: str = ""
    output: str = ""
    ladder: str = ""
    misconception: str = ""
    belief: str = ""
    truth: str = ""
    hints: tuple[str, ...] = ()
    hidden: bool = False
    behaviour: str = ""

    @property
    def passed(self) -> bool:
        """Whether this check gives its points."""
        return self.verdict == "passed"

    @property
    def earned(self) -> int:
        """The points that it gives."""
        return self.points if self.passed else 0

    def concealed(self) -> Result:
        """The same for a learner: of a hidden check, only what it asks for and whether it passed.

        Whatever the answer had a hand in is left out, since it may repeat the probe: what it
        returned, raised and printed, also whether it crashed or hung. So is the seed.
        """
        if not self.hidden:
            return self
        return Result(
            name=self.name,
            points=self.points,
            verdict=self.verdict if self.verdict in ("passed", "inconclusive") else "failed",
            seed=None,
            said=self.behaviour,
            misconception=self.misconception,
            belief=self.belief,
            truth=self.truth,
            hidden=True,
            behaviour=self.behaviour,
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Result:
        """From what `to_dict` gave. Raises ValueError or TypeError for anything else."""
        if data["verdict"] not in get_args(Verdict):
            raise ValueError(f"an unknown verdict: {data['verdict']!r}")
        tuples = {name: tuple(data.get(name, ())) for name in ("notes", "hints")}
        return cls(**{**data, **tuples})


@dataclass(frozen=True, slots=True)
class Report:
    """What came of checking one answer.

    digest: of the answer's content. total: the points of the whole exercise. results: of the
    checks that were asked for. problem: what kept every check from running, said once; its
    problem_kind is "syntax" (nothing was run) or "start" (the answer failed while it was loaded).
    level: how the answer was confined: number, name, said. only: the one check that was asked for.
    hidden: whether hidden checks were asked for. variant: the constants that were chosen for this
    student; empty for the task's own.
    """

    slug: str
    title: str
    digest: str
    total: int
    results: tuple[Result, ...]
    level: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    problem_kind: str = ""
    seed: int | None = None
    only: str | None = None
    hidden: bool = False
    variant: dict[str, Any] = field(default_factory=dict)

    @property
    def earned(self) -> int:
        """The points of the checks that passed."""
        return sum(result.earned for result in self.results)

    @property
    def passed(self) -> bool:
        """Whether every check that was asked for passed."""
        return not self.problem and all(result.passed for result in self.results)

    @property
    def inconclusive(self) -> list[str]:
        """The checks that could not decide: they count for nothing, and are to be run again."""
        return [result.name for result in self.results if result.verdict == "inconclusive"]

    def concealed(self) -> Report:
        """The same for a learner: nothing in it tells how a hidden check looks at an answer.

        A problem is kept if it kept a visible check from running. One that was met later was met
        by a process that a hidden check was for, and the answer may have written it.
        """
        met = self.problem_kind == "syntax" or any(
            not each.hidden and not each.passed and not each.said for each in self.results
        )
        return replace(
            self,
            results=tuple(each.concealed() for each in self.results),
            problem=self.problem if met else "",
            problem_kind=self.problem_kind if met else "",
        )

    def result(self, name: str) -> Result:
        """The result of the check with this name. Raises KeyError."""
        for each in self.results:
            if each.name == name:
                return each
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Report:
        """From what `to_dict` gave."""
        return cls(**{**data, "results": tuple(Result.from_dict(each) for each in data["results"])})
