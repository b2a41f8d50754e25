"""The verdicts on stubs, solutions, right and wrong answers of lesson 01a."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("probe",)
