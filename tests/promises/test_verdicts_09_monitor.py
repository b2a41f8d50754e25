"""The verdicts on stub, solution, right and wrong answers of monitor, of lesson 09."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("monitor",)
