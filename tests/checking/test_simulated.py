"""A clock and dice that the checks hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from labsupport.checking import Result

Judged = Callable[..., Result]

IMPORT = "from labsupport.checking.simulated import ScriptedRandom, SimulatedClock\n"


def test_a_sleep_moves_the_clock_and_takes_no_time(judged: Judged) -> None:
    result = judged(
        IMPORT
        + """
clock = SimulatedClock(5)
assert await answer.call("naps", clock) == [5, 36005.0, 36005.5]
assert (clock.seconds, clock.slept) == (36005.5, [36000, 0.5])
""",
        """
        async def naps(clock):
            seen = [clock.now()]
            for seconds in (36000, 0.5):
                await clock.sleep(seconds)
                seen.append(clock.now())
            return seen
        """,
    )
    assert result.verdict == "passed", result


def test_a_clock_that_the_check_moves_ends_the_sleeps_that_are_due(judged: Judged) -> None:
    result = judged(
        IMPORT
        + """
clock = SimulatedClock(moves=False)
async with answer.running("race", clock) as task:
    await clock.until_asleep(3)
    assert clock.asleep() == [1, 2, 3]
    await clock.advance(2)
    await clock.until_asleep(1)
    assert not task.done()
    await clock.advance(1)
    assert_equal(await task.result(), [1, 2, 3], said="in the order of their ends")
assert clock.asleep() == []
""",
        """
        import asyncio
        async def race(clock):
            ended = []
            async def nap(seconds):
                await clock.sleep(seconds)
                ended.append(seconds)
            await asyncio.gather(*(nap(seconds) for seconds in (3, 1, 2)))
            return ended
        """,
    )
    assert result.verdict == "passed", result


def test_a_sleep_that_is_cancelled_is_over(judged: Judged) -> None:
    result = judged(
        IMPORT
        + """
clock = SimulatedClock(moves=False)
async with answer.running("nap", clock) as task:
    await clock.until_asleep(1)
    await task.cancel()
    await task.wait()
assert clock.asleep() == []
""",
        """
        async def nap(clock):
            await clock.sleep(3600)
        """,
    )
    assert result.verdict == "passed", result


def test_sleepers_that_do_not_come_are_said(judged: Judged) -> None:
    result = judged(
        IMPORT
        + """
clock = SimulatedClock(moves=False)
async with answer.running("nap", clock):
    await clock.until_asleep(2, timeout=0.3)
""",
        """
        async def nap(clock):
            await clock.sleep(3600)
        """,
    )
    assert (result.verdict, result.got) == ("failed", "1 sleep"), result


@pytest.mark.parametrize("seconds", ["-1", "None", "'2'", "True", "float('nan')", "float('inf')"])
def test_only_seconds_can_be_slept(judged: Judged, seconds: str) -> None:
    result = judged(
        IMPORT + "await answer.call('nap', SimulatedClock())",
        f"async def nap(clock): await clock.sleep({seconds})",
    )
    assert result.verdict == "failed", result
    assert "clock.sleep takes a number of seconds" in result.said, result


def test_dice_fall_as_they_were_laid(judged: Judged) -> None:
    result = judged(
        IMPORT
        + """
rng = ScriptedRandom([0.5, 0.25])
assert await answer.call("dice", rng) == [0.5, 3.0, 4.0]
assert rng.asked == 3
""",
        "def dice(rng): return [rng.random(), rng.uniform(2, 6), rng.uniform(3, 7)]",
    )
    assert result.verdict == "passed", result
