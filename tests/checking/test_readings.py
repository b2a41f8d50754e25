"""Streams of HTTP/1.1: every cut of one, events part by part, and what is said of others."""

from __future__ import annotations

from typing import Any

import pytest

from labsupport.checking.asserts import Mismatch, fail
from labsupport.checking.readings import (
    H11_TAKES,
    REFUSED,
    TAKEN,
    TORNADO_TAKES,
    assert_event,
    beside,
    cut_in_words,
    every_cut,
)

PARTS = {"request": ("kind", "method", "target"), "error": ("kind", "status")}
GET = ("request", b"GET", b"/")


def found(got: Any, due: Any) -> Mismatch:
    with pytest.raises(Mismatch) as raised:
        assert_event(got, due, PARTS, "it is one event", "fed it")
    return raised.value


def test_a_stream_is_cut_at_each_byte_and_into_single_bytes() -> None:
    ways = every_cut(b"a\r\n")
    assert ways == [
        [b"a", b"\r\n"],
        [b"a\r", b"\n"],
        [b"a", b"\r", b"\n"],
    ]
    assert [cut_in_words(pieces) for pieces in ways[1:]] == [
        r"cut behind byte 2: b'a\r' | b'\n'",
        r"byte by byte: b'a\r\n'",
    ]


def test_an_event_is_compared_part_by_part_with_one_of_its_kind() -> None:
    assert_event(GET, GET, PARTS, "", "")
    assert_event(None, None, PARTS, "", "")
    wrong = found(("request", b"get", b"/"), GET)
    assert (wrong.said, wrong.got) == ("it is one event: the method", "b'get'")
    assert found(("error", 505), ("error", 400)).said == "it is one event: the status"


@pytest.mark.parametrize("got", [("error", 400), None, [*GET], (), GET[:2], (*GET, b"")])
def test_an_event_of_another_kind_or_form_is_shown_as_a_whole(got: Any) -> None:
    wrong = found(got, GET)
    assert (wrong.said, wrong.expected) == ("it is one event", "('request', b'GET', b'/')")


def test_events_of_two_kinds_are_not_compared_byte_by_byte() -> None:
    assert found(("error", 400), GET).comparison == ""


@pytest.mark.parametrize(
    ("others", "takes", "end"),
    [
        (TAKEN, True, "."),
        (REFUSED, False, "."),
        (TAKEN, False, "; the task goes with neither."),
        (REFUSED, True, "; the task goes with neither."),
        (H11_TAKES, True, "; the task goes with h11."),
        (H11_TAKES, False, "; the task goes with Tornado."),
        (TORNADO_TAKES, True, "; the task goes with Tornado."),
        (TORNADO_TAKES, False, "; the task goes with h11."),
    ],
)
def test_a_fault_says_what_others_do_and_whom_the_task_goes_with(
    others: str, takes: bool, end: str
) -> None:
    with pytest.raises(Mismatch) as raised, beside(others, "", takes):
        fail("it is refused")
    assert raised.value.notes == [others + end]


def test_a_fault_names_the_rule_that_decides() -> None:
    with pytest.raises(Mismatch) as raised, beside(TAKEN, "RFC 9112, section 3", takes=True):
        fail("it is refused")
    assert raised.value.notes == [f"{TAKEN}. RFC 9112, section 3."]
