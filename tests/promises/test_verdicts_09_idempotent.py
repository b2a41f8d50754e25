"""The verdicts on stub, solution, right and wrong answers of idempotent, of lesson 09."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("idempotent",)
