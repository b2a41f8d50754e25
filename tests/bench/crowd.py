"""A class in one go: `python -m tests.bench.crowd [ANSWERS]`, 3,000 without a number.

Every thirty-third answer is a hostile one, from the catalogue in tests/hostile, with the check that
it attacks; the others are honest. As many are judged at a time as `tests.bench.checking` takes for
its throughput. After the first tenth, and again after the last answer, with nothing under way, it
counts what the caller and its judges hold: what grows with the number of answers shows there.

The exit code is 1 when an honest answer did not pass, a hostile one passed or told a secret, or
something was left.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psutil

from labsupport.checking import Answer, Report, check
from labsupport.clock import poll
from tests.bench.checking import AT_ONCE, ECHO, TRIVIAL
from tests.checking.conftest import LEVELS, best
from tests.checking.course import Course
from tests.hostile import test_escaping, test_exhausting, test_forging, test_killing, test_reading
from tests.hostile.arena import Arena
from tests.hostile.attack import Attack

HOSTILE_EACH = 33  # one answer of so many is hostile: 3 %
GROWTH = 64  # MiB that the memory of all processes may grow by: a handful of pages a fork dirties


class Held(NamedTuple):
    """What the caller and all processes below it hold."""

    descriptors: int
    threads: int
    processes: int
    mebibytes: int


def held() -> Held:
    """What they hold when nothing is under way: what ends just now is waited for."""
    looks: list[Held] = []

    def at_rest() -> bool:
        looks.append(_held())
        return len(looks) > 2 and looks[-1] == looks[-2] == looks[-3]

    poll(at_rest, deadline=10.0, said="the judges do not come to rest")
    return looks[-1]


def _held() -> Held:
    me = psutil.Process()
    found = []
    for process in (me, *me.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            memory = process.memory_full_info().uss >> 20
            found.append((process.num_fds(), process.num_threads(), 1, memory))
    return Held(*map(sum, zip(*found, strict=True)))


class Crowd:
    """Judges one answer after the other; `wrong` counts what must not be."""

    def __init__(self, arena: Arena, folder: Path) -> None:
        self.arena = arena
        self.wrong: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.attacks = [
            attack
            for module in (test_escaping, test_exhausting, test_forging, test_killing, test_reading)
            for attack in module.ATTACKS
            if arena.level in attack.levels
        ]
        checks = dict.fromkeys((attack.check, attack.deadline) for attack in self.attacks)
        self.honest = Course(folder / "honest")
        self.honest.add("works", TRIVIAL)
        self.courses = {}
        for number, (body, deadline) in enumerate(checks):
            course = self.courses[body, deadline] = Course(folder / str(number))
            course.add("works", body, deadline=deadline)

    def judge(self, number: int) -> None:
        """Judge the answer of this number."""
        if number % HOSTILE_EACH:
            report = check(Answer.from_cell(f"{ECHO}\n# {number}", "demo"), self.honest.folder)
            self._count("an honest answer did not pass", not report.passed)
        else:
            attack = self.attacks[number // HOSTILE_EACH % len(self.attacks)]
            report = self._attacked(attack)
            self._count("a hostile answer passed", report.passed)
            self._count("a hostile answer told a secret", bool(self.arena.leaked(report)))
        self.verdicts[report.results[0].verdict if report.results else report.problem_kind] += 1

    def _attacked(self, attack: Attack) -> Report:
        answer = Answer.from_cell(attack.source(self.arena.told()), "demo")
        return check(answer, self.courses[attack.check, attack.deadline].folder)

    def _count(self, what: str, happened: bool) -> None:
        if happened:
            self.wrong[what] += 1


def main() -> int:
    """Judge, print, and return the exit code."""
    answers = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    level = best(max(LEVELS))
    print(f"level {level}; load of the machine at the start: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name, Arena(level, Path(name)) as arena:
        crowd = Crowd(arena, Path(name) / "crowd")
        with ThreadPoolExecutor(AT_ONCE) as pool:
            began = time.monotonic()
            list(pool.map(crowd.judge, range(answers // 10)))
            before = held()
            list(pool.map(crowd.judge, range(answers // 10, answers)))
            after = held()
            took = time.monotonic() - began
        strays = arena.strays()
    print(f"{answers} answers in {took:.0f} s, {answers / took:.1f} a second")
    print(", ".join(f"{times} {verdict}" for verdict, times in crowd.verdicts.most_common()))
    print(f"after a tenth: {before}\nat the end:    {after}")
    grown = [
        name
        for name in ("descriptors", "threads", "processes")
        if getattr(after, name) > getattr(before, name)
    ]
    if after.mebibytes > before.mebibytes + GROWTH:
        grown.append("memory")
    for said in (*crowd.wrong.items(), *((f"{name} grew", 1) for name in grown)):
        print(f"WRONG: {said[0]} ({said[1]})")
    for path in strays:
        print(f"WRONG: it left {path}")
    return 1 if crowd.wrong or grown or strays else 0


if __name__ == "__main__":
    sys.exit(main())
