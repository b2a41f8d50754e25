"""The verdicts on stub, solution, right and wrong answers of pages, of lesson 08b."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("pages",)
