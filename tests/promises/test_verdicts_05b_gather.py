"""The verdicts on stubs, solutions, right and wrong answers of gather in lesson 05b."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("gather",)
