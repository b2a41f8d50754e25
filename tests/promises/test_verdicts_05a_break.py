"""The verdicts on stubs, solutions, right and wrong answers of break_loop in lesson 05a."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("break_loop",)
