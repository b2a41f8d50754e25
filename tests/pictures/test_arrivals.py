"""Arrival plots and delay distributions, from numbers and moments."""

from __future__ import annotations

import pytest

from labsupport import pictures

SENT = [100.0 + 0.01 * number for number in range(10)]


def on_time(*numbers: int, delay: float = 0.02) -> list[tuple[int, float]]:
    """What arrives when every message takes as long."""
    return [(number, SENT[number] + delay) for number in numbers]


def test_what_is_missing_doubled_and_overtaken_is_told() -> None:
    came = on_time(0, 1, 3, 3, 2, 4, 5, 6, 8, 9)
    picture = pictures.arrivals(SENT, {"UDP": came}, finding="Lost, twice, late.")
    told = picture.data["UDP"]
    assert told["missing"] == [7]
    assert [number for number, _ in told["again"]] == [3]
    assert told["overtaken"] == [2]
    assert picture.alt == (
        "Arrival plot: 10 messages over UDP. UDP: 9 arrived, and 7 is missing; 3 came more than "
        "once; 2 came after a larger number."
    )


def test_a_copy_that_comes_after_a_larger_number_is_a_copy_and_not_overtaken() -> None:
    came = on_time(0, 1, 2, 3, 1, 4, 5, 6, 7, 8, 9)
    told = pictures.arrivals(SENT, {"UDP": came}, finding="A copy.").data["UDP"]
    assert (told["overtaken"], [number for number, _ in told["again"]]) == ([], [1])


def test_moments_are_milliseconds_since_the_first_was_sent() -> None:
    told = pictures.arrivals(SENT, {"UDP": on_time(0, 5)}, finding="Two.").data["UDP"]
    assert told["first"] == pytest.approx({0: 20.0, 5: 70.0})


def test_several_ways_are_told_apart_and_one_may_bring_nothing() -> None:
    ways = {"TCP": on_time(*range(10)), "UDP": []}
    alt = pictures.arrivals(SENT, ways, finding="One of two.").alt
    assert "10 messages over TCP and UDP." in alt
    assert "TCP: all arrived; none came twice; all kept their order." in alt
    assert "UDP: none arrived; none came twice" in alt


def test_delays_are_sorted_and_told_without_times() -> None:
    ways = {"UDP": on_time(9, 1, 2), "TCP": on_time(*range(5)) + on_time(*range(5, 10), delay=0.3)}
    picture = pictures.delays(SENT, ways, finding="Two ways.", late=0.1)
    assert picture.data["UDP"] == pytest.approx([20.0] * 3)
    assert picture.data["TCP"] == pytest.approx([20.0] * 5 + [300.0] * 5)
    assert picture.alt == (
        "Delay distribution of UDP and TCP. UDP: 3 of 10 arrived. TCP: 10 of 10 arrived."
    )


def test_a_way_that_brought_nothing_has_no_delays() -> None:
    picture = pictures.delays(SENT, {"UDP": []}, finding="Nothing.")
    assert picture.data["UDP"] == []
    assert picture.alt == "Delay distribution of UDP. UDP: 0 of 10 arrived."


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="no message was sent"):
        pictures.arrivals([], {"UDP": []}, finding="None.")
    with pytest.raises(ValueError, match="1 to 3 ways; 0 were given"):
        pictures.delays(SENT, {}, finding="None.")
    with pytest.raises(ValueError, match="1 to 3 ways; 4 were given"):
        pictures.arrivals(SENT, {name: [] for name in "abcd"}, finding="Many.")
    with pytest.raises(ValueError, match="message 10 arrived over UDP, and 10 messages were sent"):
        pictures.arrivals(SENT, {"UDP": [(10, 101.0)]}, finding="Unsent.")
