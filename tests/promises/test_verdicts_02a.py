"""The verdicts on stubs, solutions, right and wrong answers of lesson 02a."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("lines",)
