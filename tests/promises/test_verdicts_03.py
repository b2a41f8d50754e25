"""The verdicts on stubs, solutions, right and wrong answers of lesson 03."""

from tests.promises.judging import *  # noqa: F403

LESSONS = ("03",)
