"""A storm: calls against one service of limited capacity, on a clock that leaps."""

from __future__ import annotations

import asyncio
import random
import time
from functools import partial

import pytest

from labsupport import storm
from labsupport.storm import Clock, Response, Seen, Send

PAUSE = (2.0, 4.5)  # seconds


async def once(send: Send, clock: Clock, rng: random.Random) -> Response:
    return await send(1.0)


async def patiently(
    send: Send, clock: Clock, rng: random.Random, *, jitter: bool, tries: int = 50
) -> Response:
    for number in range(1, tries):
        try:
            response = await send(1.0)
            if response.status_code == 200:
                return response
        except TimeoutError:
            pass
        bound = min(8.0, 2.0 ** (number - 1))
        await clock.sleep(rng.uniform(0, bound) if jitter else bound)
    return await send(1.0)


thrice = partial(patiently, jitter=True, tries=3)


def times(seen: Seen) -> list[tuple[int, float, float | None, int]]:
    return [(each.call, each.sent, each.ended, each.status) for each in seen.tries]


def test_the_service_works_on_one_request_after_the_other_in_its_own_time() -> None:
    seen = storm.run(once, [0.0] * 8, capacity=10)
    ended = sorted(call.ended for call in seen.calls if call.ended is not None)
    assert ended == pytest.approx([number / 10 for number in range(1, 9)], abs=0.001)
    assert {call.status for call in seen.calls} == {200}
    assert seen.good(0, 0.45) == 4
    assert seen.arrivals() == pytest.approx([0.0] * 8, abs=0.001)


def test_who_gives_up_is_worked_for_all_the_same() -> None:
    seen = storm.run(once, [0.0] * 20 + [2.5], capacity=10.5)
    late = [call for call in seen.calls if call.status == 0]
    assert [call.ended for call in late] == pytest.approx([1.0] * 10, abs=0.001)
    assert (seen.good(0, 4), seen.wasted) == (11, 10)


def test_a_service_that_heeds_timeouts_works_for_nobody_who_has_left() -> None:
    seen = storm.run(once, [0.0] * 20 + [2.5], capacity=10.5, heeds_timeouts=True)
    assert (seen.good(0, 4), seen.wasted) == (11, 0)


def test_whom_there_is_no_room_for_is_refused_at_once() -> None:
    seen = storm.run(once, [0.0] * 20, capacity=10, room=5)
    refused = [each for each in seen.tries if each.status == 503]
    # The service takes the first one out of its queue before or after the others have come.
    assert len(refused) in (14, 15)
    assert all(each.ended is not None and each.ended < 0.05 for each in refused)
    assert not any(each.worked for each in refused)


def test_in_a_pause_nothing_is_begun() -> None:
    seen = storm.run(once, [0.0, 1.0, 2.0], capacity=10, pause=(0.5, 1.5))
    ended = [call.ended for call in seen.calls]
    assert ended == pytest.approx([0.1, 1.6, 2.1], abs=0.001)


def test_jitter_makes_fewer_requests_than_waits_that_are_all_the_same() -> None:
    same, drawn = (
        storm.run(partial(patiently, jitter=jitter), [0.0] * 100, capacity=50, room=20)
        for jitter in (False, True)
    )
    assert same.good(0, 1e9) == drawn.good(0, 1e9) == 100
    assert len(same.tries) == 100 + 80 + 60 + 40 + 20
    assert len(drawn.tries) < 0.8 * len(same.tries)


def test_with_three_tries_the_service_stays_down_and_with_one_it_comes_back() -> None:
    due = [number / 10 for number in range(140)]
    one = storm.run(once, due, capacity=20, pause=PAUSE, until=14)
    three = storm.run(thrice, due, capacity=20, pause=PAUSE, until=14)
    assert one.good(11, 14) >= 29
    assert three.good(7, 14) == 0
    assert three.wasted > one.wasted


def test_the_same_seed_makes_the_same_storm() -> None:
    due = [number / 10 for number in range(50)]
    storms = [
        times(storm.run(thrice, due, capacity=12, pause=(1, 2), seed=seed)) for seed in (1, 1, 2)
    ]
    assert storms[0] == storms[1] != storms[2]


def test_a_minute_of_waiting_takes_no_minute() -> None:
    async def waits(send: Send, clock: Clock, rng: random.Random) -> Response:
        await clock.sleep(600)
        return await send(1.0)

    begun = time.monotonic()
    seen = storm.run(waits, [0.0, 30.0], capacity=10)
    assert [call.ended for call in seen.calls] == pytest.approx([600.1, 630.1], abs=0.001)
    assert time.monotonic() - begun < 300


def test_bytes_that_are_under_way_stop_the_clock() -> None:
    """A try that may take a microsecond is answered, for its bytes take no time."""

    async def in_no_time(send: Send, clock: Clock, rng: random.Random) -> Response:
        return await send(1e-4)

    seen = storm.run(in_no_time, [0.0] * 10, capacity=1e7)
    assert {call.status for call in seen.calls} == {200}


def test_it_also_runs_on_the_machine_s_own_clock() -> None:
    begun = time.monotonic()
    seen = storm.run(partial(patiently, jitter=True), [0.0] * 10, capacity=50, room=4, real=True)
    assert seen.good(0, 1e9) == 10
    assert time.monotonic() - begun >= 10 / 50


def test_what_has_not_ended_is_broken_off() -> None:
    seen = storm.run(once, [0.0, 5.0], capacity=0.5, until=0.5)
    assert [(call.status, call.ended) for call in seen.calls] == [(0, None), (0, None)]


def test_a_call_may_run_inside_of_a_loop_that_runs() -> None:
    async def cell() -> Seen:
        return storm.run(once, [0.0], capacity=10)

    assert asyncio.run(cell()).calls[0].status == 200


def test_what_a_call_raises_is_raised() -> None:
    async def broken(send: Send, clock: Clock, rng: random.Random) -> Response:
        raise LookupError("a mistake of the call")

    with pytest.raises(LookupError, match="a mistake of the call"):
        storm.run(broken, [0.0] * 3, capacity=10)


def test_storms_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="a storm has 1 to 20,000 calls; 0 were given"):
        storm.run(once, [], capacity=10)
    with pytest.raises(ValueError, match="capacity=0: the service works on more than 0 a second"):
        storm.run(once, [0.0], capacity=0)
