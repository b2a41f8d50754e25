"""The verdicts on stub, solution, right and wrong answers of upload, of lesson 07."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("upload",)
