"""The verdicts on stubs, solutions, right and wrong answers of ferry, which wait longest."""

from tests.promises.judging import *  # noqa: F403

EXERCISES = ("ferry",)
AT_ONCE = 12  # what it waits for is time
