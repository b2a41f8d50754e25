"""The verdicts on stub, solution, right and wrong answers of break_client, of lesson 08a."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("break_client",)
