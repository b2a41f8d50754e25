"""Values as text: bounded, stable, with a caret at the first difference."""

from __future__ import annotations

from typing import Any

import pytest

from labsupport.checking.showing import bounded, clean, compare, same, show


def test_a_caret_stands_under_the_first_different_byte() -> None:
    assert compare(b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.0\r\n") == (
        "expected  b'GET / HTTP/1.1\\r\\n'\n"
        "came      b'GET / HTTP/1.0\\r\\n'\n"
        "                         ^ first difference at byte 13: 31 expected, 30 came"
    )


@pytest.mark.parametrize(
    ("wanted", "got", "said"),
    [
        (b"abc", b"ab", "ends here, at byte 2: 1 byte missing"),
        (b"ab", b"abcd", "from byte 2 on: 2 bytes too many"),
        (b"", b"x", "from byte 0 on: 1 byte too many"),
        ("aé", "ae", "first difference at character 1"),
    ],
)
def test_a_difference_is_named(wanted: Any, got: Any, said: str) -> None:
    assert compare(wanted, got).splitlines()[-1].endswith("^ " + said)


def test_the_caret_counts_escapes_and_wide_characters() -> None:
    for wanted, got in [(b"\x00\xff\ta", b"\x00\xff\tb"), ("名前x", "名前y"), ("\\'a", "\\'b")]:
        _, below, caret = compare(wanted, got).splitlines()
        last = got[-1:] if isinstance(got, str) else got[-1:].decode()
        wide = sum(sign in "名前" for sign in below)
        assert caret.index("^") == below.rindex(last) + wide


def test_long_data_is_cut_to_a_window_around_the_difference() -> None:
    wanted = bytes(10_000_000)
    got = wanted[:-10] + b"\x01" + wanted[-9:]
    text = compare(wanted, got)
    assert "first difference at byte 9,999,990: 00 expected, 01 came" in text
    assert max(map(len, text.splitlines())) < 260
    above, below, caret = text.splitlines()
    assert above.index("...") == below.index("...")
    assert below[caret.index("^") :].startswith("\\x01")


def test_the_first_different_item_of_a_list_is_shown() -> None:
    text = compare([b"one", b"two"], [b"one", b"twx"])
    assert "item 1 is the first that differs:" in text
    assert "first difference at byte 2" in text
    assert "2 items expected, 1 came" in compare([b"one", b"two"], [b"one"])


def test_equal_values_of_different_types_show_their_types() -> None:
    assert compare(80, "80") == "expected  80   (int)\ncame      '80'   (str)"


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (80, 80.0), ([1], (1,)), ({"a": 1}, {"a": True}), (b"a", "a"), ([1, 2], [1])],
)
def test_types_count_at_every_depth(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert not same({"k": [one]}, {"k": [other]})
    assert same(one, one)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"it's\n", "b'it\\'s\\n'"),
        (b"x" * 100, "b'" + "x" * 72 + "'... (100 bytes)"),
        ("é" * 100, "'" + "é" * 72 + "'... (100 characters)"),
        ({"b", "a"}, "{'a', 'b'}"),
        (set(), "set()"),
        ((1,), "(1,)"),
        (list(range(100)), "[" + ", ".join(map(str, range(12))) + ", ... (100 items)]"),
        ({1: b"a"}, "{1: b'a'}"),
        ("\u202ex", "'\\u202ex'"),
        (None, "None"),
    ],
)
def test_values_are_shown_as_python_writes_them_but_bounded(value: Any, text: str) -> None:
    assert show(value) == text


def test_a_huge_number_is_shown() -> None:
    assert "an int of 40,001 bits" in show(2**40_000)


def test_a_long_text_keeps_its_beginning_and_its_end_and_says_what_is_missing() -> None:
    text = bounded("\n".join([*map(str, range(1000)), "x" * 1_000_000]))
    lines = text.splitlines()
    assert len(lines) == 61
    assert lines[39:42] == ["39", "... (941 lines left out)", "981"]
    assert lines[-1] == "x" * 300 + "... (1,000,000 characters)"
    assert bounded("short\nlines") == "short\nlines"


def test_control_and_direction_characters_are_cleaned_away() -> None:
    dirty = "a\x1b[31mred\x1b[0m\x1b]0;title\x07\r\nb\x00\u202e\u200b\x9b\ud800\tc"
    assert clean(dirty) == "ared\nb\ufffd\ufffd\ufffd\ufffd\ufffd\tc"
