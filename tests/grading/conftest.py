"""A small course, and a class that hands in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checking.course import Course

RIGHT = "def f(text):\n    return len(text.encode())\n"
WRONG = "def f(text):\n    return len(text)\n"


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """With the exercise `demo`: two checks, and a hidden one."""
    course = Course(tmp_path / "course")
    course.add("counts bytes", "assert_equal(await answer.call('f', 'é'), 2, said='two bytes')", 2)
    course.add("counts none", "assert_equal(await answer.call('f', ''), 0, said='none')")
    course.hide("counts four", "assert_equal(await answer.call('f', '🐍'), 4, said='four bytes')")
    return course


HandIn = Callable[..., Path]


@pytest.fixture
def hand_in(tmp_path: Path) -> HandIn:
    """Hand in answers to `demo`, by student; the folder of the class."""
    place = tmp_path / "class"
    place.mkdir()

    def hand(when: float | None = None, **answers: str) -> Path:
        for student, source in answers.items():
            (place / student).mkdir(exist_ok=True)
            path = place / student / "demo.py"
            path.write_text(source)
            if when is not None:
                os.utime(path, (when, when))
        return place

    return hand
