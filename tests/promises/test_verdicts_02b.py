"""The verdicts on stubs, solutions, right and wrong answers of lesson 02b."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("framing",)
