"""The promises about verdicts: stubs fail, solutions pass, and so on, by the engine itself.

The tests here are run by the files test_verdicts_*.py, which import them and set `EXERCISES`, and
`AT_ONCE` where nearly all of an answer's time is waiting: pytest-xdist hands out whole files, so
several files run side by side. `test_fork.py` sets `changed`, too: what becomes of an answer before
it is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from labsupport.checking.report import Report
from tests.promises import answers, course
from tests.promises.answers import AT_ONCE

__all__ = [
    "AT_ONCE",
    "changed",
    "pytestmark",
    "reports",
    "test_a_right_answer_is_accepted",
    "test_a_solution_passes_every_check",
    "test_a_stub_earns_no_point",
    "test_a_wrong_answer_is_refused_as_it_says",
    "test_what_hidden_checks_refuse_passes_the_others",
]

Ask = Callable[[Path, str], Report]
SECONDS = 170  # to wait for one report, while others are made beside it on a busy machine
pytestmark = pytest.mark.timeout(SECONDS + 10)


def changed(source: str) -> str:
    """The answer that is judged: the one in the file."""
    return source


def cases(test: str, exercises: tuple[str, ...]) -> list[tuple[Path, str]]:
    """What a test is run with: the file of an answer, and its slug, also of steps."""
    slugs = [slug for exercise in exercises for slug in course.exercises(exercise)]
    bases = [(slug, slug.partition(".")[0]) for slug in slugs]
    made: dict[str, list[tuple[Path, str]]] = {
        "test_a_stub_earns_no_point": [(course.task(base), slug) for slug, base in bases],
        "test_a_solution_passes_every_check": [(course.solution(base), s) for s, base in bases],
        "test_a_right_answer_is_accepted": [(p, s) for s in slugs for p in answers.rights(s)],
        "test_a_wrong_answer_is_refused_as_it_says": [
            (path, slug) for slug in slugs for path in answers.wrongs(slug)
        ],
        "test_what_hidden_checks_refuse_passes_the_others": [
            (path, slug) for slug in slugs for path in answers.caught_unseen(slug)
        ],
    }
    return made[test]


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Give a test of this module the cases of the exercises that its importing file names."""
    made = cases(metafunc.function.__name__, metafunc.module.EXERCISES)
    metafunc.parametrize(("path", "slug"), [_parameters(*case) for case in made])


def _parameters(path: Path, slug: str) -> Any:
    if path.suffix == ".ipynb":
        return pytest.param(path, slug, id=slug)
    marks = () if path in answers.few(slug) else pytest.mark.slow
    return pytest.param(path, slug, id=f"{slug}/{path.stem}", marks=marks)


@pytest.fixture(scope="module")
def reports(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Judge what this file's selected tests ask about, a few at a time; hand out the reports."""
    module: Any = request.module
    wanted: list[Any] = [
        (item.callspec.params["path"], item.callspec.params["slug"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is module and hasattr(item, "callspec")
    ]
    option = request.config.getoption
    way = answers.Way(option("--every-check"), option("--drawn-from"), module.changed)
    with answers.judged(wanted, module.AT_ONCE, way) as waiting:

        def ask(path: Path, slug: str) -> Report:
            future: Future[Report] = waiting[path, slug]
            return future.result(SECONDS)

        yield ask


def test_a_stub_earns_no_point(path: Path, slug: str, reports: Ask) -> None:
    report = reports(path, slug)
    assert not report.problem, "a task can be checked as it is handed out"
    assert report.results
    assert [each.name for each in report.results if each.passed] == []


def test_a_solution_passes_every_check(path: Path, slug: str, reports: Ask) -> None:
    assert_accepted(reports(path, slug))


def test_a_right_answer_is_accepted(path: Path, slug: str, reports: Ask) -> None:
    assert_accepted(reports(path, slug))


def test_a_wrong_answer_is_refused_as_it_says(path: Path, slug: str, reports: Ask) -> None:
    assert_refused(reports(path, slug), answers.wrong(path))


def test_what_hidden_checks_refuse_passes_the_others(path: Path, slug: str, reports: Ask) -> None:
    assert_refused(reports(path, slug), answers.wrong(path))


def assert_accepted(report: Report) -> None:
    """There were checks, and every one passed."""
    assert report.results
    if not report.passed:
        pytest.fail(answers.explain(report), pytrace=False)


def assert_refused(report: Report, said: answers.Wrong) -> None:
    """Of those that judged it, exactly the listed checks refused it, for what the answer did."""
    assert not said.faults
    refused = {each.name: each for each in report.results if not each.passed}
    if report.problem or set(refused) != set(said.checks):
        pytest.fail(
            f"it lists {sorted(said.checks)}\nrefused by {sorted(refused)}\n"
            + answers.explain(report),
            pytrace=False,
        )
    assert {each.verdict for each in refused.values()} <= answers.REFUSING
    assert said.belief in {each.misconception for each in refused.values()}
