"""A check's client of HTTP/1.1: what it sends, what it reads, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from labsupport.checking import Result

Judged = Callable[..., Result]

# Sends what is in ANSWERS, each one when a request has come, and ends the connection.
SCRIPTED = """
import socket

def handle(connection):
    read = b""
    with connection:
        for answer in ANSWERS:
            while b"\\r\\n\\r\\n" not in read:
                read += connection.recv(1000)
            connection.sendall(answer)
            read = b""
"""
ECHO = """
from tornado.web import Application, RequestHandler

class Echo(RequestHandler):
    def get(self):
        self.write(self.request.path)
    head = get
    def post(self):
        self.set_header("X-Told", self.request.headers.get("Content-Length", "in chunks"))
        self.add_header("X-Many", "a")
        self.add_header("X-Many", "b")
        self.set_header("Content-Type", "Text/Plain; charset=utf-8")
        self.write(self.request.body)

async def serve(host, port, stop):
    server = Application([(r".*", Echo)]).listen(port, host)
    await stop.wait()
    server.stop()
    await server.close_all_connections()
"""


def test_requests_share_a_connection(judged: Judged) -> None:
    result = judged(
        """
        from labsupport.checking.web import request
        async with answer.serving() as peer:
            conn = await peer.connect()
            got = await request(conn, "GET", "/one")
            assert (got.status, got.body, got.media_type) == (200, b"/one", "text/html")
            got = await request(conn, "HEAD", "/three")
            assert (got.status, got.body, got.field("Content-Length")) == (200, b"", "6")
            got = await request(conn, "POST", "/", [("X-Y", "z")], b'{"a": [1]}')
            assert (got.json(), got.field("x-told")) == ({"a": [1]}, "10")
            assert (got.media_type, got.field("x-many")) == ("text/plain", "a, b")
            assert got.field("x-none") is None
            body = b"x" * 300_000
            got = await request(conn, "POST", "/", body=body, chunked=True)
            assert (got.body, got.field("x-told")) == (body, "in chunks")
        """,
        ECHO,
    )
    assert result.verdict == "passed", result


def test_a_response_is_read_before_its_request_has_ended(judged: Judged) -> None:
    result = judged(
        """
        import h11
        from labsupport.checking.web import response
        client = h11.Connection(h11.CLIENT)
        fields = [("Host", "x"), ("Content-Length", "1000")]
        head = client.send(h11.Request(method="POST", target="/", headers=fields))
        async with answer.handling() as peer:
            conn = await peer.connect()
            await conn.send(head)
            got = await response(client, conn)
            assert (got.status, got.body) == (413, b"no")
        """,
        SCRIPTED + 'ANSWERS = [b"HTTP/1.1 413 Too Large\\r\\nContent-Length: 2\\r\\n\\r\\nno"]\n',
    )
    assert result.verdict == "passed", result


def test_an_interim_response_is_passed_over(judged: Judged) -> None:
    result = judged(
        """
        from labsupport.checking.web import request
        async with answer.handling() as peer:
            got = await request(await peer.connect(), "GET", "/")
            assert (got.status, got.body) == (200, b"until the end")
        """,
        SCRIPTED
        + r"""
ANSWERS = [b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end"]
""",
    )
    assert result.verdict == "passed", result


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (rb"no HTTP at all\r\n\r\n", "what your answer sends is no HTTP response"),
        (rb"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour", "no HTTP response"),
        (rb"HTTP/1.1 204 No Content\r\n\r\nbody", "more comes than one response"),
        (rb"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", "more comes than one response"),
        (rb"", "ended the connection without a response"),
        (rb"HTTP/1.1 200 O", "ended the connection without a response"),
    ],
)
def test_what_is_no_response_is_refused(judged: Judged, sent: bytes, said: str) -> None:
    result = judged(
        """
        from labsupport.checking.web import request
        async with answer.handling() as peer:
            await request(await peer.connect(), "GET", "/", did="asked for the root")
        """,
        f'{SCRIPTED}\nANSWERS = [b"{sent.decode()}"]\n',
    )
    assert result.verdict == "failed", result
    assert said in result.said
    assert result.did == "asked for the root"


def test_a_body_without_end_is_not_read_to_it(judged: Judged) -> None:
    result = judged(
        """
        from labsupport.checking.web import request
        async with answer.handling() as peer:
            await request(await peer.connect(), "GET", "/")
        """,
        SCRIPTED + 'ANSWERS = [b"HTTP/1.1 200 OK\\r\\n\\r\\n" + bytes(20_000_000)]\n',
        deadline=30.0,
    )
    assert result.verdict == "failed", result
    assert result.said == "your answer sends more than it should"


def test_silence_is_not_waited_for_without_end(judged: Judged) -> None:
    result = judged(
        """
        from labsupport.checking.web import request
        async with answer.handling() as peer:
            await request(await peer.connect(), "GET", "/", timeout=0.1)
        """,
        "def handle(connection):\n    connection.recv(1000)\n    connection.recv(1000)\n",
    )
    assert result.verdict == "failed", result
    assert result.said == "a response has to come"
    assert result.did == "sent GET /"
