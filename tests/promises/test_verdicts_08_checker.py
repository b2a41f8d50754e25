"""The verdicts on stub, solution, right and wrong answers of checker, of lesson 08a."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("checker",)
