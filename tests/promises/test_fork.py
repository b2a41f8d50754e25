"""Answers that use HTTPX get the same verdicts when its fork, httpx2, stands in for it."""

import pytest

from tests.notebooks.test_fork import with_httpx2
from tests.promises import answers, course, judging
from tests.promises.judging import *  # noqa: F403

EXERCISES = ("checker", "pooled", "pages")
changed = with_httpx2
pytestmark = [judging.pytestmark, pytest.mark.slow]


def test_no_other_exercise_is_answered_with_httpx() -> None:
    using = {
        path.parent.name.partition(".")[0]
        for slug in course.slugs()
        for path in answers.rights(slug)
        if with_httpx2(path.read_text("utf-8")) != path.read_text("utf-8")
    }
    assert using == set(EXERCISES)
