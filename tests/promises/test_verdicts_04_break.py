"""The verdicts on stubs, solutions, right and wrong answers of break_threads in lesson 04."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("break_threads",)
