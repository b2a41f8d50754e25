"""The verdicts on stub, solution, right and wrong answers of retry, of lesson 09."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("retry",)
