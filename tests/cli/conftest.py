"""The command as a terminal runs it, in a small course."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checking.course import Course

Run = Callable[..., "subprocess.CompletedProcess[str]"]


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

    def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        environment.pop("LABSUPPORT_STATE", None)
        return subprocess.run(
            [sys.executable, "-m", "labsupport.cli", *words],
            cwd=cwd or course.folder,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
        )

    return run
