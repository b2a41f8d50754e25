"""What a class as a whole did: counted row by row, so that no answer stays in memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median

from labsupport.checking import Report
from labsupport.grading.gradebook import Row
from labsupport.grading.handed import Student

__all__ = ["Belief", "Judged", "Summary"]

_BINS = 10
_HARDEST = 15


@dataclass(slots=True)
class Belief:
    """A wrong belief, who was caught with it, and by which checks how often."""

    name: str
    belief: str
    truth: str
    students: set[str] = field(default_factory=set)
    checks: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Judged:
    """A check, and how many answers it judged and passed."""

    slug: str
    name: str
    judged: int = 0
    passed: int = 0


@dataclass(slots=True)
class Summary:
    """The sums so far. of: the points that there are.

    students: each with the points, and what there is to remark.
    """

    of: int
    answers: int = 0
    students: list[tuple[Student, int, str]] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    beliefs: dict[str, Belief] = field(default_factory=dict)
    checks: dict[tuple[str, str], Judged] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        """Count a student in."""
        states = {slug: row.state(slug) for slug in row.entries}
        remarks = [f"{slug} {state}" for slug, state in states.items() if state]
        self.students.append((row.student, row.total, ", ".join(remarks)))
        self.states.update(filter(None, states.values()))
        for entry in row.entries.values():
            if entry is not None and entry.report is not None:
                self.answers += 1
                self._add(row.student.id, entry.report)

    def _add(self, student: str, report: Report) -> None:
        for result in report.results:
            if result.verdict == "inconclusive":
                continue
            place = (report.slug, result.name)
            judged = self.checks.setdefault(place, Judged(*place))
            judged.judged += 1
            judged.passed += result.passed
            if result.misconception and not result.passed and not report.problem:
                made = Belief(result.misconception, result.belief, result.truth)
                belief = self.beliefs.setdefault(result.misconception, made)
                belief.students.add(student)
                belief.checks[f"{report.slug}: {result.name}"] += 1

    def finding(self) -> str:
        """The distribution in a sentence."""
        if not self.students:
            return "No students"
        middle = median(total for _, total, _ in self.students)
        return f"Half of the class has {middle:g} of {self.of} points or more"

    def distribution(self) -> list[tuple[str, int]]:
        """How many students have which share of the points, in tenths; the last has all too."""
        counts = [0] * _BINS
        for _, total, _ in self.students:
            counts[min(_BINS * total // max(self.of, 1), _BINS - 1)] += 1
        step = 100 // _BINS
        ends = [f"{step * n} to {step * (n + 1)} %" for n in range(_BINS)]
        return list(zip(ends, counts, strict=True))

    def believed(self) -> list[Belief]:
        """The beliefs, the one of most students first."""
        return sorted(self.beliefs.values(), key=lambda each: (-len(each.students), each.name))

    def hardest(self) -> list[Judged]:
        """The checks that the smallest share passed; those that all passed are left out."""
        failed = [each for each in self.checks.values() if each.passed < each.judged]
        failed.sort(key=lambda each: (each.passed / each.judged, each.slug, each.name))
        return failed[:_HARDEST]
