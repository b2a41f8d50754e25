"""What the answers say about themselves, before anything is run.

Each exercise has right answers and wrong ones; each wrong one lists the checks that must refuse it
and the belief behind it; each check, hidden or not, is the only one that refuses at least one.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.promises import answers, course
from tests.promises.answers import read_header

LEAST_RIGHT = 2
LEAST_WRONG = 5
LEAST_WRONG_OF_A_STEP = 1

EVERY_SLUG = [name for slug in course.slugs() for name in course.exercises(slug)]
EVERY_WRONG = [
    path
    for slug in answers.slugs()
    for path in [*answers.wrongs(slug), *answers.caught_unseen(slug)]
]


def test_answers_are_kept_for_exercises_only() -> None:
    assert sorted(set(answers.slugs()) - set(EVERY_SLUG)) == []


@pytest.mark.parametrize("slug", EVERY_SLUG)
def test_a_slug_has_answers_of_both_kinds(slug: str) -> None:
    wrong = LEAST_WRONG_OF_A_STEP if "." in slug else LEAST_WRONG
    assert len(answers.rights(slug)) >= LEAST_RIGHT
    assert len(answers.wrongs(slug)) >= wrong
    named = {*answers.rights(slug), *answers.wrongs(slug), *answers.caught_unseen(slug)}
    others = set((course.ANSWERS / slug).rglob("*.py")) - named
    assert others == set(), "answers are named right_*.py, wrong_*.py or hidden_*.py"


@pytest.mark.parametrize("slug", EVERY_SLUG)
def test_answers_differ(slug: str) -> None:
    sources = Counter(
        path.read_text(encoding="utf-8").strip() for path in (course.ANSWERS / slug).glob("*.py")
    )
    assert [source for source, times in sources.items() if times > 1] == []


@pytest.mark.parametrize("path", EVERY_WRONG, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_wrong_answer_says_who_must_refuse_it(path: Path) -> None:
    said = answers.wrong(path)
    assert said.faults == ()
    checks = {each.name: each for each in answers.checks_for(path)}
    beliefs = {checks[name].misconception for name in said.checks}
    beliefs.add("")  # what a check finds apart from its subject; judging sees that it does
    assert said.belief in beliefs, "the misconception is that of a check which refuses it"


@pytest.mark.parametrize("slug", EVERY_SLUG)
def test_every_check_is_the_only_one_to_refuse_some_answer(slug: str) -> None:
    paths = [*answers.wrongs(slug), *answers.caught_unseen(slug)]
    alone = {said.checks[0] for said in map(answers.wrong, paths) if len(said.checks) == 1}
    checks = [*course.exercises(slug.partition(".")[0])[slug].checks, *course.hidden(slug)]
    assert [each.name for each in checks if each.name not in alone] == []


@pytest.mark.parametrize("slug", EVERY_SLUG)
def test_few_are_refused_by_every_check(slug: str) -> None:
    few = answers.few(slug)
    refusing = {name for path in few for name in answers.wrong(path).checks}
    checks = [*course.exercises(slug.partition(".")[0])[slug].checks, *course.hidden(slug)]
    assert refusing == {each.name for each in checks}
    assert len(few) <= len(checks)


NAMES = ["opens", "a listener is open, even a quiet one", "a listener is open"]
HEADER = '"""It waits.\n\nrefused by: {}\nmisconception: no-answer\n"""\n'


def test_a_header_is_read_also_when_a_check_s_name_has_a_comma() -> None:
    said = read_header(HEADER.format("a listener is open, even a quiet one, opens"), NAMES)
    assert said.checks == ("a listener is open, even a quiet one", "opens")
    assert said.belief == "no-answer"
    assert said.faults == ()
    wrapped = read_header(HEADER.format("opens,\n  a listener is open"), NAMES)
    assert wrapped.checks == ("opens", "a listener is open")


@pytest.mark.parametrize(
    "source",
    [
        "x = 1",
        '"""It waits."""',
        HEADER.format("closes"),
        HEADER.format(""),
        HEADER.format("opens, opens"),
        HEADER.format("opens").replace("It waits.", ""),
    ],
)
def test_a_header_that_cannot_be_held_to_is_found(source: str) -> None:
    assert read_header(source, NAMES).faults
