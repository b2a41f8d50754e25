"""An exercise whose checks a test writes, and answers to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from labsupport.checking import Result
from tests.checking.course import Course


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
