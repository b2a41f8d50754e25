"""The verdicts on stubs, solutions, right and wrong answers of lesson 04."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("bounded", "fileserver", "room")
