"""Hidden checks belong to an exercise, say what they ask for, and are not named beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labsupport.checking.exercise import Check
from labsupport.checking.hidden import load_hidden
from tests.notebooks.files import ROOT
from tests.promises import course
from tests.promises.test_prose import filler

FILES = sorted((ROOT / "solutions" / "hidden").glob("*.py"))
HAVING = [slug for slug, lesson in course.EXERCISES.items() if lesson.startswith("02")]
# What a learner has or sees, and the engine that learners have too.
PUBLIC = ("README.md", "exercises", "notebooks", "labsupport")


@pytest.mark.parametrize("slug", HAVING)
def test_an_exercise_on_streams_has_hidden_checks(slug: str) -> None:
    assert course.hidden(slug)


@pytest.mark.parametrize("path", FILES, ids=course.short)
def test_hidden_checks_belong_to_an_exercise(path: Path) -> None:
    assert path.stem in course.slugs()
    declared = load_hidden(course.folder(path.stem))
    assert declared
    assert all(each.checks for each in declared)
    assert {each.slug for each in declared} <= set(course.exercises(path.stem))
    assert len({each.slug for each in declared}) == len(declared)


@pytest.mark.parametrize("path", FILES, ids=course.short)
def test_hidden_checks_are_declared_well(path: Path) -> None:
    for slug, exercise in course.exercises(path.stem).items():
        taken = [check.name for check in exercise.checks]
        assert faults(course.hidden(slug), taken) == []


def faults(checks: list[Check], taken: list[str]) -> list[str]:
    """What is wrong with the names, points, beliefs and sentences of hidden checks."""
    found = []
    taken = list(taken)
    for check in checks:
        if check.name in taken:
            found.append(f"{check.name!r} is there twice")
        taken.append(check.name)
        if check.points < 1:
            found.append(f"{check.name!r} gives no points")
        if check.misconception not in course.misconceptions():
            found.append(f"{check.name!r}: {check.misconception} is not in misconceptions.toml")
        if not (check.said[:1].isalpha() and check.said.endswith(".")) or filler(check.said):
            found.append(f"{check.name!r} does not say what it asks for, in a sentence")
    return found


def test_a_hidden_check_that_is_declared_badly_is_found() -> None:
    async def function(answer: object, draw: object, variant: object) -> None: ...

    def check(name: str, points: int, belief: str, said: str) -> Check:
        return Check(name, points, belief, (), 5.0, function, hidden=True, said=said)

    good = check("counts", 1, "text-is-bytes", "It counts bytes.")
    assert faults([good], ["is there"]) == []
    for bad in (
        check("is there", 1, "text-is-bytes", "It counts bytes."),
        check("counts", 0, "text-is-bytes", "It counts bytes."),
        check("counts", 1, "no-such-belief", "It counts bytes."),
        check("counts", 1, "text-is-bytes", ""),
        check("counts", 1, "text-is-bytes", "It just counts."),
    ):
        assert len(faults([bad], ["is there"])) == 1
    assert len(faults([good, good], [])) == 1


def test_no_hidden_check_is_named_where_a_learner_reads() -> None:
    names = [
        check.name
        for path in FILES
        for slug in course.exercises(path.stem)
        for check in course.hidden(slug)
    ]
    assert named(names, public()) == []
    assert named(["recv returns"], public()), "the texts are searched"


def public() -> dict[str, str]:
    """The texts that a learner has."""
    paths = [
        path
        for name in PUBLIC
        for path in (ROOT / name, *(ROOT / name).rglob("*"))
        if path.suffix in {".md", ".py", ".ipynb", ".toml", ".json"}
        and ".ipynb_checkpoints" not in path.parts
    ]
    return {course.short(path): path.read_text(encoding="utf-8") for path in paths}


def named(names: list[str], texts: dict[str, str]) -> list[str]:
    """Which of the names stand in which of the texts, as they are or as a notebook has them."""
    return [
        f"{where}: {each!r}"
        for each in names
        for where, text in texts.items()
        if each in text or json.dumps(each)[1:-1] in text
    ]
