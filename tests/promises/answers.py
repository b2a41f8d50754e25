"""The answers under tests/answers: what each says about itself, and what the engine says of it.

right_*.py pass every check, the hidden ones too. wrong_*.py are refused by checks that a learner
has. hidden_*.py pass all of those and are refused by hidden checks.

`judged` judges the answers of a test file a few at a time: much of a check's time is waiting, for
processes to start and for what an answer has to sit out. A wrong answer is judged by the checks
that it lists and by a quarter of the others, each time another quarter, so that every check meets
wrong answers that are none of its business; with `--every-check` by all of them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from labsupport.checking import Answer, check
from labsupport.checking.earlier import beside, with_earlier
from labsupport.checking.exercise import Check
from labsupport.checking.parsing import reading
from labsupport.checking.report import Report
from tests.promises import course

OTHERS = 4  # of the checks that a wrong answer does not list, one in so many judges it
REFUSING = {"failed", "crashed", "timed out", "killed", "leaked"}
AT_ONCE = 4  # in one worker; half of a check is waiting
HEADER = re.compile(
    r"^refused by:(?P<checks>.*?)^misconception:(?P<belief>[^\n]*)", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Wrong:
    """What a wrong answer says about itself; `faults` is what cannot be read of it."""

    checks: tuple[str, ...] = ()
    belief: str = ""
    faults: tuple[str, ...] = ()


def slugs() -> list[str]:
    """The slugs that have answers, steps too."""
    return sorted(path.name for path in course.ANSWERS.iterdir() if path.is_dir())


def rights(slug: str) -> list[Path]:
    """The right answers of a slug."""
    return sorted((course.ANSWERS / slug).glob("right_*.py"))


def wrongs(slug: str) -> list[Path]:
    """The wrong answers of a slug."""
    return sorted((course.ANSWERS / slug).glob("wrong_*.py"))


def caught_unseen(slug: str) -> list[Path]:
    """The wrong answers of a slug that only hidden checks refuse."""
    return sorted((course.ANSWERS / slug).glob("hidden_*.py"))


def checks_for(path: Path) -> list[Check]:
    """The checks that have to refuse a wrong answer: those of its exercise, or the hidden ones."""
    slug = path.parent.name
    if path.name.startswith("hidden_"):
        return course.hidden(slug)
    return course.exercises(slug.partition(".")[0])[slug].checks


@cache
def wrong(path: Path) -> Wrong:
    """What the header of a wrong answer says, read with the names of those checks."""
    names = [each.name for each in checks_for(path)]
    return read_header(path.read_text(encoding="utf-8"), names)


def read_header(source: str, names: list[str]) -> Wrong:
    """The header of a wrong answer; a check's name may itself have a comma."""
    with reading():
        header = ast.get_docstring(ast.parse(source)) or ""
    found = HEADER.search(header)
    if found is None:
        return Wrong(faults=("the docstring has no lines 'refused by:' and 'misconception:'",))
    faults = [] if header[: found.start()].strip() else ["it does not say what is wrong"]
    left, listed = " ".join(found["checks"].split()), []
    while left:
        fitting = [n for n in names if left == n or left.startswith(f"{n},")]
        if not fitting:
            faults.append(f"{left!r} begins with no check's name; there are {names}")
            break
        listed.append(max(fitting, key=len))
        left = left[len(listed[-1]) :].lstrip(", ")
    if not listed:
        faults.append("it lists no check")
    if len(set(listed)) < len(listed):
        faults.append("it lists a check twice")
    return Wrong(tuple(listed), found["belief"].strip(), tuple(faults))


def judges(path: Path) -> list[str]:
    """The names of the checks that judge a wrong answer, unless all do."""
    names = [each.name for each in checks_for(path)]
    return [name for at, name in enumerate(names) if _judges(name, at, path)]


def _judges(name: str, at: int, path: Path) -> bool:
    """Whether this check, which is the one at this place, judges a wrong answer."""
    spared = _spared(path.parent.name, name)
    if path not in spared:
        return True
    return spared.index(path) % OTHERS == at % min(OTHERS, len(spared))


@cache
def _spared(slug: str, name: str) -> list[Path]:
    """The wrong answers that do not list this check."""
    return [path for path in wrongs(slug) if name not in wrong(path).checks]


@cache
def few(slug: str) -> frozenset[Path]:
    """Of the wrong answers of a slug so few that each check still refuses one."""
    left = {path: set(wrong(path).checks) for path in [*wrongs(slug), *caught_unseen(slug)]}
    chosen = set()
    while any(left.values()):
        path = max(left, key=lambda each: len(left[each]))
        chosen.add(path)
        left = {each: checks - left[path] for each, checks in left.items()}
    return frozenset(chosen)


def explain(report: Report) -> str:
    """What the checks that did not pass said, for a test's failure."""
    lines = [report.problem] if report.problem else []
    for each in report.results:
        if not each.passed:
            said = [each.said, each.did, each.expected, each.got, each.traceback, *each.notes]
            lines += [f"{each.name}: {each.verdict}", *(f"    {text}" for text in said if text)]
    return "\n".join(lines)


Case = tuple[Path, str]


@dataclass(frozen=True, slots=True)
class Way:
    """How answers are judged.

    every_check: of a wrong answer, too. seed: for all data that checks draw, instead of those that
    their names give. changed: what becomes of an answer's source before.
    """

    every_check: bool
    seed: int | None
    changed: Callable[[str], str]


@contextmanager
def judged(cases: Iterable[Case], at_once: int, way: Way) -> Iterator[dict[Case, Future[Report]]]:
    """Judge answers (a .py file or a notebook, and the slug) in the background, in their order."""
    pool = ThreadPoolExecutor(at_once)
    try:
        yield {case: pool.submit(_report, *case, way) for case in dict.fromkeys(cases)}
    finally:
        pool.shutdown(cancel_futures=True)


def _report(path: Path, slug: str, way: Way) -> Report:
    answer, folder = Answer.from_path(path, slug), course.folder(slug)
    answer = with_earlier(answer, beside(course.ROOT / "solutions", course.ROOT))
    others = tuple(replace(each, source=way.changed(each.source)) for each in answer.others)
    answer = replace(answer, source=way.changed(answer.source), others=others)
    if not path.name.startswith("wrong_"):
        return check(answer, folder, seed=way.seed, hidden=True)
    if way.every_check:
        return check(answer, folder, seed=way.seed)
    reports = [check(answer, folder, seed=way.seed, only=name) for name in judges(path)]
    results = tuple(result for report in reports for result in report.results)
    problem = next((report.problem for report in reports if report.problem), "")
    return replace(reports[0], results=results, problem=problem)
