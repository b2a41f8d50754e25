"""The verdicts on stubs, solutions, right and wrong answers of lesson 05a."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("loop",)
