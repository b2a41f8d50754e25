"""An exercise whose checks a test writes, and answers to it, at each level of protection."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from labsupport.checking import Result
from labsupport.checking.engine import shut_down
from tests.checking.course import Course

REQUIRED = int(os.environ.get("LABSUPPORT_REQUIRE_LEVEL", "1"))
LEVELS = {1: "limited", 2: "fenced", 3: "sealed, an ordinary user", 4: "sealed, the superuser"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    mark_lower_levels(items, "level")


def mark_lower_levels(items: list[pytest.Item], name: str) -> None:
    """What is tried at a lower level than this machine's own is slow. name: the fixture's."""
    own = best(max(LEVELS))
    for item in items:
        given = item.callspec.params if hasattr(item, "callspec") else {}
        if given.get(name, own) != own:
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """An exercise without checks."""
    return Course(tmp_path / "course")


@pytest.fixture
def judged(course: Course) -> Callable[..., Result]:
    """Judge one answer by one check, both given as source."""

    def judge(body: str, answer: str, *, deadline: float = 5.0, seed: int | None = None) -> Result:
        course.add("works", body, points=2, deadline=deadline)
        return course.judge(answer, seed).results[0]

    return judge


@pytest.fixture
def at_level() -> Iterator[Callable[[int], None]]:
    """Set the level at which answers are run; skip where this machine does not have it."""
    with contextlib.ExitStack() as stack:
        yield lambda number: stack.enter_context(running_at(number))


@pytest.fixture(scope="module", params=LEVELS, ids=lambda number: f"level {number}")
def level(request: pytest.FixtureRequest) -> Iterator[int]:
    """Each level of protection in turn, for all tests of a file, so that judges stay warm."""
    with running_at(request.param):
        yield request.param


@contextlib.contextmanager
def running_at(number: int) -> Iterator[None]:
    """Run answers at a level; skip where this machine does not have it."""
    required_or_skip(number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABSUPPORT_LEVEL", str(number))
        shut_down()
        yield
        shut_down()


def required_or_skip(number: int) -> None:
    """Skip where this machine does not have the level; fail where it is required."""
    if (found := best(number)) != number:
        said = f"this machine has no level {number}, {LEVELS[number]}; instead {found}"
        if number <= REQUIRED:
            pytest.fail(f"LABSUPPORT_REQUIRE_LEVEL={REQUIRED}, but {said}")
        pytest.skip(said)


@cache
def best(number: int) -> int:
    """The highest level up to this one that this machine has."""
    if sys.platform != "linux":
        return 1
    from labsupport.checking.forking import Forker

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABSUPPORT_LEVEL", str(number))
        forker = Forker()
    forker.stop()
    return forker.level.number
