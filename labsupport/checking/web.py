"""A client of HTTP/1.1, with which a check asks an answer that serves.

`request` sends one request over a `Conn` and reads one response; a second call goes over the same
connection, as long as both sides keep it. `response` reads one that may come before its request
has ended. h11 writes and reads the messages, so that what a check judges is what any client would
see. What is no HTTP, ends too early or goes on behind the response is a `Mismatch`, as everything
is that a peer has to find out.

Source: RFC 9112 (messages), RFC 9110 (what they mean).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import h11

from labsupport.checking.asserts import Mismatch, having
from labsupport.checking.peers import TIMEOUT, Conn
from labsupport.checking.showing import show

__all__ = ["Response", "request", "response"]

_PIECE = 64 * 1024
_LARGEST = 16 * 1024 * 1024  # bytes of a body that a check reads


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. fields: names in lower case and values, in the order in which they came."""

    status: int
    reason: str
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def field(self, name: str) -> str | None:
        """The value of a field; of one that is there several times, all, with commas between."""
        values = [value for known, value in self.fields if known == name.lower()]
        return ", ".join(values) if values else None

    @property
    def media_type(self) -> str:
        """The media type of the body in lower case, without parameters; "" where there is none."""
        return (self.field("content-type") or "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """What the body says in JSON. Raises ValueError when it is not JSON in UTF-8."""
        return json.loads(self.body.decode())


async def request(
    conn: Conn,
    method: str,
    target: str,
    fields: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    chunked: bool = False,
    did: str = "",
    timeout: float = TIMEOUT,
) -> Response:
    """Send a request and read its response; interim responses (1xx) are passed over.

    fields: besides Host and those that say how long the body is. body: sent with Content-Length;
    without one neither is sent. chunked: send it in one chunk, without saying its length before.
    did: the request in words, for the feedback. timeout: seconds for each read.
    """
    client = h11.Connection(h11.CLIENT)
    with having(did or f"sent {method} {target}"):
        await conn.send(_message(client, conn, method, target, fields, body, chunked))
        return await response(client, conn, timeout=timeout)


def _message(
    client: h11.Connection,
    conn: Conn,
    method: str,
    target: str,
    fields: Iterable[tuple[str, str]],
    body: bytes,
    chunked: bool,
) -> bytes:
    """The bytes of a request."""
    host, port = conn.remote
    headers = [("Host", f"{host}:{port}"), *fields]
    if chunked:
        headers.append(("Transfer-Encoding", "chunked"))
    elif body:
        headers.append(("Content-Length", str(len(body))))
    events: list[h11.Event] = [h11.Request(method=method, target=target, headers=headers)]
    if body:
        events.append(h11.Data(data=body))
    return b"".join(client.send(event) or b"" for event in [*events, h11.EndOfMessage()])


async def response(client: h11.Connection, conn: Conn, *, timeout: float = TIMEOUT) -> Response:
    """Read one response to its end, also before its request has ended. timeout: as above."""
    head: h11.Response | None = None
    body = bytearray()
    while True:
        try:
            event = client.next_event()
        except h11.RemoteProtocolError as error:
            raise Mismatch(
                "what your answer sends is no HTTP response", expected="a response", got=str(error)
            ) from None
        if event is h11.NEED_DATA:
            wanted = "the rest of the response" if head else "a response"
            data = await conn.recv(_PIECE, timeout=timeout, said=f"{wanted} has to come")
            if not data and head is None:
                raise Mismatch(
                    "your answer ended the connection without a response",
                    expected="a response",
                    got="the end of the stream",
                )
            client.receive_data(data)
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _LARGEST:
                raise Mismatch("your answer sends more than it should", got="a body without end")
        elif isinstance(event, h11.EndOfMessage):
            break
    assert head is not None
    if behind := client.trailing_data[0]:
        raise Mismatch(
            "more comes than one response",
            expected="nothing behind the response",
            got=show(behind),
        )
    fields = tuple(
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers
    )
    return Response(head.status_code, head.reason.decode("latin-1"), fields, bytes(body))
