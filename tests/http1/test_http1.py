"""What each byte of an HTTP/1.1 stream is."""

from __future__ import annotations

import random

import h11
import pytest

from labsupport.http1 import KINDS, parts

GET = b"GET /a?b HTTP/1.1\r\nHost: x\r\nAccept:*/*\r\n\r\n"


def named(data: bytes, **how: object) -> list[tuple[str, bytes]]:
    """Kinds and bytes, without separators."""
    found = parts(data, **how)  # type: ignore[arg-type]
    return [(each.kind, data[each.start : each.stop]) for each in found if each.kind != "separator"]


def test_a_request() -> None:
    assert named(GET) == [
        ("method", b"GET"),
        ("target", b"/a?b"),
        ("version", b"HTTP/1.1"),
        ("name", b"Host"),
        ("value", b"x"),
        ("name", b"Accept"),
        ("value", b"*/*"),
        ("blank line", b"\r\n"),
    ]


def test_two_requests_in_one_piece_the_first_with_a_body() -> None:
    data = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc" + GET
    assert ("body", b"abc") in named(data)
    assert {each.message for each in parts(data)} == {0, 1}


def test_chunks_with_an_extension_and_a_trailer() -> None:
    data = (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"A;x=1\r\n0123456789\r\n0\r\nSum: 5\r\n\r\n" + GET
    )
    assert named(data)[5:13] == [
        ("blank line", b"\r\n"),
        ("chunk size", b"A"),
        ("chunk extension", b";x=1"),
        ("body", b"0123456789"),
        ("chunk size", b"0"),
        ("name", b"Sum"),
        ("value", b"5"),
        ("blank line", b"\r\n"),
    ]
    assert named(data)[13:] == named(GET)


def test_two_lengths_are_two_readings() -> None:
    data = (
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET
    )
    assert [each for each in named(data) if each[0] == "method"] == [
        ("method", b"POST"),
        ("method", b"GET"),
    ]
    assert ("body", b"0\r\n\r\n") in named(data, wins="content-length")
    longer = data.replace(b"Length: 5", b"Length: %d" % (5 + len(GET)))
    assert ("body", b"0\r\n\r\n" + GET) in named(longer, wins="content-length")
    assert ("method", b"GET") in named(longer)


def test_a_folded_value_counts_as_one() -> None:
    data = b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip,\r\n\tchunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    assert ("body", b"hi") in named(data)


@pytest.mark.parametrize("length", [b"9" * 5000, b"0" * 5000 + b"3"])
def test_a_length_of_thousands_of_digits_is_read(length: bytes) -> None:
    data = b"POST / HTTP/1.1\r\nContent-Length: " + length + b"\r\n\r\nabc"
    assert named(data)[-1] == ("body", b"abc")


def test_a_line_that_is_cut_between_cr_and_lf_has_ended() -> None:
    assert named(GET[:-1]) == [*named(GET)[:-1], ("blank line", b"\r")]
    assert named(GET[:-3]) == named(GET)[:-1]


@pytest.mark.parametrize(
    ("head", "method", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"GET", b"hi"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"HEAD", b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"GET", b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\n", b"GET", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\nContent-Length: 2\r\n\r\n", b"PUT", b"hi"),
        (b"HTTP/1.0 200 OK\r\n\r\n", b"GET", b"until the end"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", b"GET", b"until the end"),
    ],
)
def test_how_long_the_body_of_a_response_is(head: bytes, method: bytes, body: bytes) -> None:
    found = named(head + body, responses=True, methods=[method, b"GET"])
    assert [data for kind, data in found if kind == "body"] == ([body] if body else [])
    if body != b"until the end":
        both = head + body + b"HTTP/1.1 404 Not Found\r\n\r\n"
        assert named(both, responses=True, methods=[method, b"GET"])[len(found) :] == [
            ("version", b"HTTP/1.1"),
            ("status", b"404"),
            ("reason", b"Not Found"),
            ("blank line", b"\r\n"),
        ]


@pytest.mark.parametrize(
    ("data", "not_understood"),
    [
        (b"hello\r\n\r\n", b"hello\r\n\r\n"),
        (b"GET / http\r\n\r\n", b"GET / http\r\n\r\n"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"no colon"),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", b" "),
        (b"GET / HTTP/1.1\r\n folded\r\n\r\n", b" folded"),
        (b"GET / HTTP/1.1\r\nContent-Length: +5\r\n\r\n12345", b"12345"),
        (b"GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345", b"12345"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nx", b"x"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\n", b"0x5\r\n"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", b"b\r\n"),
    ],
)
def test_what_is_not_understood_is_said(data: bytes, not_understood: bytes) -> None:
    assert [text for kind, text in named(data) if kind == "not understood"] == [not_understood]


def test_a_stream_that_is_cut_anywhere_is_named_from_its_first_byte_to_its_last() -> None:
    whole = (
        b"\r\nPUT /x HTTP/1.1\nTransfer-Encoding: chunked\r\nA: b\r\n  c\r\n\r\n"
        b"3\r\nabc\r\n0\r\nT: u\r\n\r\n" + GET
    )
    rest = random.Random(6)
    samples = [whole[:size] for size in range(len(whole) + 1)]
    samples += [bytes(rest.choices(b"GET /HTP1.:\r\n0a;", k=60)) for _ in range(500)]
    for data in samples:
        for responses in (False, True):
            found = parts(data, responses=responses)
            assert b"".join(data[each.start : each.stop] for each in found) == data
            assert [each.start for each in found] == [0, *(each.stop for each in found[:-1])][
                : len(found)
            ]
            assert {each.kind for each in found} <= set(KINDS)


@pytest.mark.parametrize(
    "data", [GET, b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"]
)
def test_h11_reads_the_same(data: bytes) -> None:
    server = h11.Connection(h11.SERVER)
    server.receive_data(data)
    request = server.next_event()
    assert isinstance(request, h11.Request)
    found = named(data)
    assert (request.method, request.target) == (found[0][1], found[1][1])
    names = [text.lower() for kind, text in found if kind == "name"]
    values = [text for kind, text in found if kind == "value"]
    assert [(bytes(name), bytes(value)) for name, value in request.headers] == list(
        zip(names, values, strict=True)
    )
