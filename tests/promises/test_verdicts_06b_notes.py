"""The verdicts on stub, solution, right and wrong answers of notes, of lesson 06b."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("notes",)
