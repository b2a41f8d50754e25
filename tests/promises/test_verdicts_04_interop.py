"""The verdicts on stubs, solutions, right and wrong answers of the exercise interop."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("interop",)
