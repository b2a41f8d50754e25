"""The verdicts on stubs, solutions, right and wrong answers of lesson 03, but for ferry."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("ask", "jitter", "break_datagrams")
