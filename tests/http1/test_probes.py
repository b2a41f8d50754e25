"""What the exercises parser and chunked say of h11 and Tornado is what the two do."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import h11
import pytest
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.netutil import bind_sockets

from labsupport.checking.exercise import load_module
from tests.promises import course

parser = load_module(course.folder("parser") / "checks.py", "checks_of_parser")
chunked = load_module(course.folder("chunked") / "checks.py", "checks_of_chunked")
BY_H11 = {parser.TAKEN: True, parser.H11_TAKES: True}
BY_TORNADO = {parser.TAKEN: True, parser.TORNADO_TAKES: True}


class Stream(NamedTuple):
    """A stream of so many requests, and what the checks say that others do."""

    what: str
    data: bytes
    requests: int
    others: str


STREAMS = [
    Stream(each.what, each.data, len(each.events), each.others) for each in parser.PROBES
] + [
    Stream(each.what, chunked.HEAD + each.data, 1 + each.data.count(chunked.GET), each.others)
    for each in chunked.PROBES
]


def by_h11(data: bytes) -> bool:
    """Whether h11 takes a stream to its end, answering each request."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    try:
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                return connection.states[h11.CLIENT] is h11.IDLE and not connection.trailing_data[0]
            if isinstance(event, h11.EndOfMessage):
                for reply in (h11.Response(status_code=204, headers=[]), h11.EndOfMessage()):
                    connection.send(reply)
                if connection.our_state is h11.MUST_CLOSE:
                    return not connection.trailing_data[0]
                connection.start_next_cycle()
    except h11.RemoteProtocolError:
        return False


async def by_tornado(streams: list[Stream]) -> list[bool]:
    """Whether Tornado takes each of these streams."""

    def answer(request: HTTPServerRequest) -> None:
        assert request.connection
        status = ResponseStartLine("HTTP/1.1", 204, "No Content")
        request.connection.write_headers(status, HTTPHeaders())
        request.connection.finish()

    server = HTTPServer(answer)
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    try:
        return [await answered(port, each.data, each.requests) for each in streams]
    finally:
        server.stop()
        await server.close_all_connections()


async def answered(port: int, data: bytes, requests: int) -> bool:
    """Whether each request is answered 204, or 400 comes and the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(20):
        writer.write(data)
        replies = b""
        while replies.count(b"204 No Content\r\n\r\n") < requests:
            piece = await reader.read(4096)
            if not piece:
                break
            replies += piece
        writer.close()
        await writer.wait_closed()
    statuses = [line.split(b" ")[1] for line in replies.split(b"\r\n") if line[:5] == b"HTTP/"]
    assert statuses in ([b"204"] * requests, [b"400"])
    return b"400" not in statuses


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.what)
def test_h11_does_with_a_stream_what_the_checks_say(stream: Stream) -> None:
    assert by_h11(stream.data) is BY_H11.get(stream.others, False)


def test_tornado_does_with_each_stream_what_the_checks_say() -> None:
    took = asyncio.run(by_tornado(STREAMS))
    said = [BY_TORNADO.get(stream.others, False) for stream in STREAMS]
    assert [
        (stream.what, stream.others)
        for stream, does, says in zip(STREAMS, took, said, strict=True)
        if does is not says
    ] == []


def test_h11_refuses_one_wrong_byte_behind_a_chunk() -> None:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(chunked.HEAD + chunked.EARLY.data)
    assert [type(connection.next_event()) for _ in range(2)] == [h11.Request, h11.Data]
    with pytest.raises(h11.RemoteProtocolError):
        connection.next_event()
