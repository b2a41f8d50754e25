"""The clock: deadlines, and waiting for a state."""

from __future__ import annotations

import pytest

from labsupport.clock import Deadline, now, poll


def test_the_clock_never_goes_back() -> None:
    times = [now() for _ in range(1000)]
    assert times == sorted(times)


def test_a_deadline_counts_down_to_zero_and_not_below() -> None:
    assert 0 < Deadline(60).left() <= 60
    assert not Deadline(60).expired
    assert Deadline(0).left() == 0
    assert Deadline(-5).left() == 0
    assert Deadline(-5).expired


def test_poll_returns_what_the_condition_returned() -> None:
    answers = iter(["", "", "ready"])
    assert poll(lambda: next(answers), deadline=5, said="never ready") == "ready"


def test_poll_looks_once_even_when_the_deadline_has_expired() -> None:
    assert poll(lambda: "there", deadline=0, said="not there") == "there"


def test_poll_says_what_did_not_happen() -> None:
    with pytest.raises(TimeoutError, match="the file did not come"):
        poll(lambda: False, deadline=0.01, said="the file did not come")


def test_poll_looks_a_last_time_after_the_deadline() -> None:
    deadline = Deadline(0.02)
    seen_expired = []

    def looks() -> bool:
        seen_expired.append(deadline.expired)
        return False

    with pytest.raises(TimeoutError):
        poll(looks, deadline=deadline, said="never")
    assert seen_expired[-1]


def test_an_error_of_the_condition_is_passed_on() -> None:
    with pytest.raises(ZeroDivisionError):
        poll(lambda: 1 // 0, deadline=5, said="never")
