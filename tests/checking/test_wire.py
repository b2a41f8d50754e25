"""Plain data over the channel, and what is refused in both directions."""

from __future__ import annotations

import enum
import json
import math
from typing import Any, NamedTuple

import pytest

from labsupport.checking import wire


class Endpoint(NamedTuple):
    host: str
    port: int


class Colour(enum.IntEnum):
    RED = 1


def crossed(value: Any, **how: Any) -> Any:
    frame = wire.pack(value, **how)
    text, blobs = wire.sizes(frame[: wire.HEADER.size])
    rest = frame[wire.HEADER.size :]
    assert len(rest) == text + blobs
    return wire.unpack(rest[:text], rest[text:])


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, 2**63, -(2**4000), 0.5, math.inf, "", "x", "ß🐍" * 500, "\ud800",
        b"", b"\x00\xff" * 1000, [], [1, [2, (3,)]], (), (1,), ("a", 1), {}, {"a": b"b", 1: None},
        {(1, 2): {3}}, set(), {1, "a", b"b"}, frozenset({1}), [b"a", "x" * 300, b"b", "y" * 300],
    ],
)  # fmt: skip
def test_plain_data_arrives_as_it_was(value: Any) -> None:
    got = crossed(value)
    assert got == value
    assert type(got) is type(value)


def test_a_nan_arrives() -> None:
    assert math.isnan(crossed(float("nan")))


def test_true_and_1_stay_apart() -> None:
    assert [type(each) for each in crossed([True, 1, 1.0])] == [bool, int, float]


@pytest.mark.parametrize(
    ("value", "base"), [(Endpoint("h", 80), ("h", 80)), (Colour.RED, 1)], ids=["tuple", "int"]
)
def test_a_subclass_goes_over_as_its_base(value: Any, base: Any) -> None:
    got = crossed(value)
    assert got == base
    assert type(got) is type(base)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (bytearray(b"x"), "bytearray"),
        ([1, {"a": object()}], "object[1]['a']"),
        ((x for x in "a"), "generator"),
        (1j, "complex"),
        ({object(): 1}, "object (a key)"),
        (dict.fromkeys(range(10_001)), "10,001 entries"),
    ],
)
def test_anything_else_is_refused_with_its_place(value: Any, said: str) -> None:
    with pytest.raises(wire.NotPlain) as refused:
        wire.pack(value)
    assert said in str(refused.value)


def test_a_list_that_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(wire.NotPlain, match="nested"):
        wire.pack(endless)


def test_a_value_that_is_too_large_is_refused() -> None:
    with pytest.raises(wire.NotPlain, match="at most"):
        wire.pack([b"x" * (wire.MAX_BLOBS + 1)])


def test_buffers_go_over_as_bytes_where_that_is_asked_for() -> None:
    assert crossed([bytearray(b"a"), memoryview(b"b")], lenient=True) == [b"a", b"b"]


@pytest.mark.parametrize(
    "tree",
    [
        {"b": 5},
        {"b": -1},
        {"b": "1"},
        {"x": []},
        {"t": 1},
        {"d": [[1]]},
        {"d": [[[1], 2]]},
        {"u": [[1]]},
        {"i": 5},
        {"i": "0xzz"},
        {"r": ["standin", 1]},
        {"b": 1, "t": []},
        {},
    ],
    ids=str,
)
def test_what_is_no_tagged_data_is_a_bad_frame(tree: Any) -> None:
    with pytest.raises(wire.BadFrame):
        wire.unpack(json.dumps(tree).encode(), b"")


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 5000, b'{"t":' * 200 + b"[]" + b"}" * 200],
    ids=["empty", "cut", "not UTF-8", "deep", "huge number", "deep tags"],
)
def test_what_is_no_json_is_a_bad_frame(text: bytes) -> None:
    with pytest.raises(wire.BadFrame):
        wire.unpack(text, b"")


def test_bytes_that_nothing_refers_to_are_a_bad_frame() -> None:
    with pytest.raises(wire.BadFrame, match="too many"):
        wire.unpack(b"1", b"x")


def test_a_frame_that_announces_too_much_is_refused_before_it_is_read() -> None:
    with pytest.raises(wire.BadFrame, match="too large"):
        wire.sizes(wire.HEADER.pack(wire.MAX_JSON + 1, 0))
    with pytest.raises(wire.BadFrame, match="too large"):
        wire.sizes(wire.HEADER.pack(1, wire.MAX_BLOBS + 1))


def test_more_keys_than_allowed_are_a_bad_frame() -> None:
    with pytest.raises(wire.BadFrame, match="entries"):
        wire.unpack(json.dumps({"u": list(range(10_001))}).encode(), b"")
