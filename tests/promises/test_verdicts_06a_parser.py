"""The verdicts on stub, solution, right and wrong answers of parser and chunked, of lesson 06a."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("parser", "chunked")
