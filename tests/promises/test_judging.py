"""What the promises about verdicts find, shown on reports that break them."""

from __future__ import annotations

from pathlib import Path

import pytest

from labsupport.checking.report import Report, Result, Verdict
from tests.promises import answers, judging
from tests.promises.answers import Wrong

Failed = pytest.fail.Exception


def report(problem: str = "", **verdicts: Verdict) -> Report:
    results = [
        Result(name=name, points=1, verdict=verdict, seed=1, misconception=f"belief-of-{name}")
        for name, verdict in verdicts.items()
    ]
    return Report("x", "x", digest="", total=2, results=tuple(results), problem=problem)


def test_a_report_without_failures_is_accepted_and_any_other_is_not() -> None:
    judging.assert_accepted(report(one="passed", two="passed"))
    for broken in (
        report(one="passed", two="failed"),
        report(one="passed", two="inconclusive"),
        report("a syntax error"),
        report(),
    ):
        with pytest.raises((Failed, AssertionError)):
            judging.assert_accepted(broken)


def test_a_wrong_answer_has_to_be_refused_by_exactly_what_it_lists() -> None:
    said = Wrong(checks=("one",), belief="belief-of-one")
    judging.assert_refused(report(one="failed", two="passed"), said)
    for broken in (
        report(one="passed", two="passed"),
        report(one="failed", two="failed"),
        report(one="passed", two="failed"),
        report(one="inconclusive", two="passed"),
        report("a syntax error", one="crashed", two="crashed"),
    ):
        with pytest.raises((Failed, AssertionError)):
            judging.assert_refused(broken, said)
    with pytest.raises(AssertionError):
        judging.assert_refused(report(one="failed"), Wrong(("one",), "belief-of-two"))


@pytest.mark.parametrize("slug", answers.slugs())
def test_a_wrong_answer_is_judged_by_what_it_lists_and_each_check_judges_others(slug: str) -> None:
    meets, spares = set(), set()
    for path in answers.wrongs(slug):
        judges, listed = set(answers.judges(path)), set(answers.wrong(path).checks)
        assert listed <= judges
        meets |= judges - listed
        spares |= {each.name for each in answers.checks_for(path)} - listed
    assert meets == spares


def test_a_stub_that_earns_a_point_or_cannot_be_loaded_is_found(tmp_path: Path) -> None:
    def ask(made: Report) -> judging.Ask:
        return lambda path, slug: made

    judging.test_a_stub_earns_no_point(tmp_path, "x", ask(report(one="failed", two="crashed")))
    for broken in (report(one="passed", two="failed"), report("a syntax error"), report()):
        with pytest.raises(AssertionError):
            judging.test_a_stub_earns_no_point(tmp_path, "x", ask(broken))
