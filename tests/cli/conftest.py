"""The command as a terminal runs it, in a small course."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.checking.course import Course
from tests.cli.small import SmallCourse
from tests.cli.watched import Watched, environment

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Watch = Callable[..., Watched]


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course with one check: f returns the number of bytes in "é"."""
    course = Course(tmp_path / "course")
    course.add(
        "counts bytes", "assert_equal(await answer.call('f', 'é'), 2, said='é is two bytes')"
    )
    course.add("counts nothing", "assert_equal(await answer.call('f', ''), 0, said='none')")
    return course


@pytest.fixture
def labsupport(course: Course) -> Run:
    """Run `labsupport` in the exercise's folder."""

    def run(*words: str, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "labsupport.cli", *words],
            cwd=cwd or course.folder,
            env=environment(**more),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
        )

    return run


@pytest.fixture
def small(tmp_path: Path) -> SmallCourse:
    """A course of three exercises, one of them with a step."""
    return SmallCourse(tmp_path / "small")


@pytest.fixture
def watching(small: SmallCourse, tmp_path: Path) -> Iterator[Watch]:
    """Start `labsupport watch` in the small course; whatever a test forgets is ended."""
    with contextlib.ExitStack() as started:

        def start(*words: str, before: Sequence[str] = (), **more: str) -> Watched:
            scratch = tmp_path / "scratch"
            scratch.mkdir(exist_ok=True)
            watched = Watched(small.root, scratch, *words, more=more, before=before)
            return started.enter_context(watched)

        yield start
