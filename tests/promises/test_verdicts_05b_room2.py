"""The verdicts on stub, solution, right and wrong answers of room2, of lesson 05b."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("room2",)
