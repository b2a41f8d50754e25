"""The verdicts on stubs, solutions, right and wrong answers of lesson 02c."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("echo", "transfer", "break_stream")
