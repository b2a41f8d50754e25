"""The verdicts on stubs, solutions, right and wrong answers of break_http in lesson 06a."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("break_http",)
