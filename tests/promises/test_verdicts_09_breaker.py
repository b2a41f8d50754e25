"""The verdicts on stub, solution, right and wrong answers of breaker, of lesson 09."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("breaker",)
