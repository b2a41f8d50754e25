"""An open loop: requests go out when they are due, and latency begins there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from labsupport import openloop, serve
from labsupport.serving.server import Server

ANSWER = b"HTTP/1.1 %s\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
SLOW = 0.05  # seconds for an answer from /slow


@pytest.fixture
def server() -> Iterator[Server]:
    """It answers one request to /slow at a time, and others at once."""
    one_at_a_time: list[asyncio.Lock] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if not one_at_a_time:
            one_at_a_time.append(asyncio.Lock())
        if head.startswith(b"GET /slow "):
            async with one_at_a_time[0]:
                await asyncio.sleep(SLOW)
        writer.write(ANSWER % (b"200 OK" if b" /none " not in head else b"404 Not Found"))
        await writer.drain()
        writer.close()

    with serve(handle) as running:
        yield running


def url_of(address: tuple[str, int]) -> str:
    return f"http://{address[0]}:{address[1]}"


def test_what_is_due_is_sent_although_nothing_has_been_answered(server: Server) -> None:
    found = openloop.offer(url_of(server.address), {"/slow": 40, "/quick": 10}, seconds=1)
    slow = [each for each in found if each.path == "/slow"]
    quick = [each for each in found if each.path == "/quick"]
    assert [each.due for each in slow] == [number / 40 for number in range(40)]
    assert [each.due for each in quick] == [number / 10 for number in range(10)]
    assert {each.status for each in found} == {200}
    assert all(0 <= each.late <= each.latency for each in found)
    # The server needs 40 times 0.05 s: the last one waits for all before it, and was due after 1 s.
    assert max(each.answered for each in slow) >= 40 * SLOW
    assert max(each.latency for each in slow) >= 40 * SLOW - 1
    assert max(each.sent for each in slow) < max(each.answered for each in slow)


def test_what_fails_is_said_and_the_others_go_on(server: Server) -> None:
    found = openloop.offer(url_of(server.address), {"/none": 5}, seconds=1)
    assert [each.status for each in found] == [404] * 5
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nobody = listener.getsockname()
    found = openloop.offer(url_of(nobody), {"/": 5}, seconds=1)
    assert [each.status for each in found] == [0] * 5
    assert {each.error.partition(":")[0] for each in found} == {"ConnectError"}


@pytest.mark.parametrize(
    ("rates", "seconds"), [({}, 1), ({"/": 0.5}, 1), ({"/": 20_001}, 1), ({"/": 5, "/a": -1}, 1)]
)
def test_no_requests_and_too_many_are_errors(rates: dict[str, float], seconds: float) -> None:
    with pytest.raises(ValueError, match="this client sends 1 to 20,000 of them"):
        openloop.offer("http://127.0.0.1:1", rates, seconds=seconds)


def test_a_client_that_breaks_is_an_error() -> None:
    with pytest.raises(RuntimeError, match=r"ended without a result: httpx\.InvalidURL"):
        openloop.offer("http://127.0.0.1:port", {"/": 1}, seconds=1)


def test_an_answer_without_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.05)

    monkeypatch.setattr(openloop, "_GRACE", 1.0)
    with serve(drip) as server, pytest.raises(RuntimeError, match="an answer does not end"):
        openloop.offer(url_of(server.address), {"/": 5}, seconds=0.2, timeout=0.5)
