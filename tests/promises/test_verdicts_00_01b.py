"""The verdicts on stubs, solutions, right and wrong answers of lessons 00 and 01b."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("greet", "endpoint", "classify")
