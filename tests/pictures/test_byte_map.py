"""The byte map: an HTTP exchange by what each byte is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from labsupport import pictures
from labsupport.http1 import parts
from labsupport.trace import Trace

if TYPE_CHECKING:
    from tests.pictures.conftest import Recorded

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
BOTH_LENGTHS = (
    b"POST /a HTTP/1.1\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET
)


def test_both_directions_of_a_connection(recorded: Recorded) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    recorded.client.sendall(GET[:9])
    recorded.client.sendall(GET[9:] + b"HEAD / HTTP/1.1\r\n\r\n")
    recorded.arrived(len(GET) + 19)
    recorded.server.recv(1024)
    recorded.server.sendall(answer + answer[:-2])
    recorded.client.recv(1024)
    picture = pictures.byte_map(recorded.trace, finding="Two requests, two answers.")
    streams = picture.data["streams"]
    assert list(streams) == ["client to server", "server to client"]
    assert streams["client to server"][0] == (0, 3, "method", 0)
    assert streams["server to client"][-1] == (76, 78, "blank line", 1)
    assert picture.alt == (
        "Byte map. client to server, 47 bytes: GET /a, 1 field, a blank line; then HEAD /, a blank "
        "line. server to client, 78 bytes: 200 OK, 1 field, a blank line, a body of 2 bytes; then "
        "200 OK, 1 field, a blank line."
    )


def test_kinds_of_one_colour_share_a_sign(recorded: Recorded) -> None:
    recorded.client.sendall(GET)
    recorded.server.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    recorded.client.recv(1024)
    picture = pictures.byte_map(recorded.trace, finding="A request and its answer.")
    said = [text.get_text() for text in picture.figure.axes[0].texts]
    assert {"method or status", "target or reason"} < set(said)


def test_a_long_body_shows_its_beginning_and_its_end(recorded: Recorded) -> None:
    recorded.client.sendall(b"PUT / HTTP/1.1\r\nContent-Length: 9000\r\n\r\n" + bytes(9000))
    picture = pictures.byte_map(recorded.trace, finding="Nine thousand bytes.")
    *_, first, second, gap, last = picture.data["rows"]["client to server"]
    assert (first[1], second[1]) == (first[0] + 52, second[0] + 52)
    assert gap == (second[1], last[0], last[0] - second[1])
    assert last[1] == 16 + 22 + 2 + 9000
    assert picture.alt.endswith("a blank line, a body of 9,000 bytes.")


def test_a_line_is_a_row_also_with_a_byte_that_is_not_understood_inside() -> None:
    data = b"GET / HTTP/1.1\r\nHost : x\r\n\r\n"
    picture = pictures.readings(data, {"a": parts(data)}, finding="A space before the colon.")
    assert picture.data["rows"]["a"] == [(0, 16, 0), (16, 26, 0), (26, 28, 0)]


def test_the_gap_in_a_long_line_says_what_is_left_out() -> None:
    data = b"GET / HTTP/1.1\r\nCookie: " + b"c" * 600 + b"\r\n\r\n"
    picture = pictures.readings(data, {"a": parts(data)}, finding="A long cookie.")
    assert "… 468 more bytes of value …" in [
        text.get_text() for axes in picture.figure.axes for text in axes.texts
    ]


def test_two_readings_of_the_same_bytes() -> None:
    data = BOTH_LENGTHS % (5 + len(GET))
    found = {
        "front": parts(data, wins="content-length"),
        "back": parts(data, wins="transfer-encoding"),
    }
    picture = pictures.readings(data, found, finding="One request or two.")
    assert picture.alt.partition("front")[2] == (
        ", 101 bytes: POST /a, 2 fields, a blank line, a body of 33 bytes. back, 101 bytes: "
        "POST /a, 2 fields, 2 blank lines, 1 chunk; then GET /a, 1 field, a blank line."
    )


def test_readings_that_leave_out_bytes_are_an_error() -> None:
    for seen in (parts(GET)[:-1], parts(GET)[1:], [*parts(GET), *parts(GET)]):
        with pytest.raises(ValueError, match="the parts of 'a' are not each byte of 28 once"):
            pictures.readings(GET, {"a": seen}, finding="None.")


def test_what_is_not_understood_is_drawn_and_said(recorded: Recorded) -> None:
    recorded.client.sendall(b"\x16\x03\x01 this is no HTTP\n")
    picture = pictures.byte_map(recorded.trace, finding="No request.")
    assert picture.alt == "Byte map. client to server, 20 bytes: 20 bytes not understood."


def test_nothing_several_too_much_and_incomplete_are_errors(recorded: Recorded) -> None:
    with pytest.raises(ValueError, match="no bytes travelled"):
        pictures.byte_map(recorded.trace, finding="Nothing.")
    several = Trace()
    for number in (1, 2):
        several.add("client", "sent", connection=number, direction="to_server", data=GET)
    with pytest.raises(ValueError, match=re.escape("2 connections (1 and 2)")):
        pictures.byte_map(several, finding="Two.")
    assert "28 bytes" in pictures.byte_map(several, finding="One.", connection=2).alt
    long = Trace()
    long.add("client", "sent", direction="to_server", data=GET * 21)
    with pytest.raises(ValueError, match="takes 63 rows, and 60 can be read"):
        pictures.byte_map(long, finding="Too much.")
    full = Trace(max_bytes=3)
    full.add("client", "sent", direction="to_server", data=GET)
    with pytest.raises(ValueError, match="28 bytes were not kept"):
        pictures.byte_map(full, finding="Incomplete.")
