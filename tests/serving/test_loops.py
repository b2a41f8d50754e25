"""asyncio stream handlers and Tornado applications, on their own loop in their own thread."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import threading
from collections.abc import Callable

import pytest
import tornado.web
import tornado.websocket

from labsupport.serving import CannotStart, StillRunning, serve

Ask = Callable[..., bytes]
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def test_a_handler_is_ready_when_serve_returns(ask: Ask) -> None:
    with serve(echo) as server:
        assert server.kind == "asyncio"
        assert server.name == "echo"
        assert ask(server) == b"hello"
    assert repr(server).endswith("stopped>")
    assert server.failure is None


def test_arguments_reach_the_handler(ask: Ask) -> None:
    async def greet(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, greeting: bytes
    ) -> None:
        writer.write(greeting)
        writer.close()

    with serve(greet, b"hi") as server:
        assert ask(server, b"") == b"hi"


def test_a_handler_that_raises_shows_its_traceback_and_the_server_goes_on(ask: Ask) -> None:
    async def fragile(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read(100)).decode("ascii").encode())
        writer.close()

    with serve(fragile) as server:
        assert ask(server, b"\xff") == b""
        shown = server.wait_for_output("UnicodeDecodeError")
        assert shown.startswith("Exception in the handler:")
        assert "self._handler" not in shown
        assert ask(server, b"still here") == b"still here"
        assert server.failure is None


def test_an_exception_that_nobody_fetched_is_reported_to_its_server(
    ask: Ask, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    async def forgets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def job() -> None:
            raise ValueError("lost")

        task = asyncio.create_task(job())
        await asyncio.wait([task])
        writer.close()

    with serve(forgets) as server:
        ask(server, b"")
        gc.collect()  # in this thread: the report must not come out here
        assert "Task exception was never retrieved" in server.wait_for_output("lost")
    assert capsys.readouterr() == ("", "")
    assert not caplog.records


def test_a_failing_callback_is_reported_to_its_server(ask: Ask) -> None:
    async def schedules(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        writer.close()

    with serve(schedules) as server:
        ask(server, b"")
        assert "Exception in callback" in server.wait_for_output("ZeroDivisionError")


def test_stopping_cancels_handlers_and_closes_their_connections() -> None:
    async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        print("begun")
        try:
            await reader.read()
        finally:
            print("farewell")

    server = serve(waits)
    with socket.create_connection(server.address, timeout=10) as client:
        server.wait_for_output("begun")
        server.stop()
        assert server.output == "begun\nfarewell\n"
        assert client.recv(100) == b""


def test_a_handler_that_waits_for_a_client_that_does_not_read_is_stopped() -> None:
    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(bytes(64 * 1024 * 1024))
            print("written")
            await writer.drain()
        finally:
            writer.close()
            await writer.wait_closed()

    server = serve(floods)
    with socket.create_connection(server.address):
        server.wait_for_output("written")
        server.stop()
    assert not server.running


def test_a_connection_that_a_handler_left_open_is_closed_by_the_stop() -> None:
    async def leaves_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hi")

    server = serve(leaves_open)
    with socket.create_connection(server.address, timeout=10) as client:
        assert client.recv(100) == b"hi"
        server.stop()
        assert client.recv(100) == b""


def test_stray_tasks_and_async_generators_end_with_the_server(ask: Ask) -> None:
    kept: list[object] = []  # else the collector would end them

    async def starts_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def ticks():  # type: ignore[no-untyped-def]
            try:
                while True:
                    yield 1
            finally:
                print("generator closed")

        async def stray() -> None:
            generator = ticks()
            kept.append(generator)
            try:
                async for _ in generator:
                    await asyncio.Event().wait()
            finally:
                print("stray task ended")

        task = asyncio.create_task(stray())
        kept.append(task)
        await asyncio.wait([task], timeout=0)
        writer.close()

    server = serve(starts_more)
    ask(server, b"")
    server.stop()
    assert "stray task ended" in server.output
    assert "generator closed" in server.output


def test_work_in_to_thread_belongs_to_the_server(
    ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    async def works(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.to_thread(print, "from a worker")
        writer.close()

    server = serve(works)
    ask(server, b"")
    assert server.wait_for_output("from a worker") == "from a worker\n"
    assert len(server.owned_threads) == 2
    server.stop()
    assert server.owned_threads == ()
    assert capsys.readouterr() == ("", "")


def test_a_worker_that_would_not_stop_is_named(ask: Ask, release: threading.Event) -> None:
    async def works(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        print("begun")
        await asyncio.to_thread(release.wait)

    server = serve(works)
    with socket.create_connection(server.address):
        server.wait_for_output("begun")
        with pytest.raises(StillRunning) as refusal:
            server.stop(0.3)
    assert [survivor.what for survivor in refusal.value.survivors] == ["thread"]
    assert refusal.value.survivors[0].name.startswith("works worker")
    release.set()
    server.stop()
    assert not server.running


def test_work_that_waits_for_a_worker_is_dropped_by_the_stop(release: threading.Event) -> None:
    begun = []

    def job() -> None:
        begun.append(1)
        release.wait()

    async def orders(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        jobs = [asyncio.get_running_loop().run_in_executor(None, job) for _ in range(200)]
        print("ordered")
        await asyncio.wait(jobs)

    server = serve(orders)
    with socket.create_connection(server.address):
        server.wait_for_output("ordered")
        with pytest.raises(StillRunning):
            server.stop(0.3)
    release.set()
    server.stop()
    assert len(begun) < 200


def test_a_handler_that_blocks_the_loop_is_named_with_its_line(release: threading.Event) -> None:
    async def blocks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        print("begun")
        release.wait()

    server = serve(blocks)
    with socket.create_connection(server.address):
        server.wait_for_output("begun")
        with pytest.raises(StillRunning) as refusal:
            server.stop(0.2)
        (survivor,) = refusal.value.survivors
        assert (survivor.what, survivor.name) == ("loop", "blocks")
        assert "in blocks: release.wait() (this call blocks the loop)" in survivor.where
        assert survivor.where.startswith("at test_loops.py:")
        release.set()
        server.stop()
    assert not server.running


def test_a_task_that_ignores_cancellation_is_named_and_left_without_its_loop() -> None:
    async def stubborn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        print("begun")
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                print("no")

    server = serve(stubborn)
    with socket.create_connection(server.address):
        server.wait_for_output("begun")
        with pytest.raises(StillRunning, match=r"task 'connection 1' at test_loops\.py") as refusal:
            server.stop(0.3)
    assert "in stubborn: await asyncio.Event().wait()" in str(refusal.value)
    server.stop()
    assert not server.running


def test_a_loop_that_cannot_be_opened_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuses(*args: object, **kwargs: object) -> None:
        raise OSError("no more descriptors")

    before = threading.active_count()
    monkeypatch.setattr(asyncio, "start_server", refuses)
    with pytest.raises(CannotStart, match="'echo' could not start: no more descriptors"):
        serve(echo)
    assert threading.active_count() == before


def test_an_asyncio_handler_has_no_udp() -> None:
    with pytest.raises(ValueError, match="an asyncio stream handler works on TCP"):
        serve(echo, transport="udp")


class Hello(tornado.web.RequestHandler):
    def get(self) -> None:
        print("somebody asks")
        self.write("hello")


class Fragile(tornado.web.RequestHandler):
    def get(self) -> None:
        raise ValueError("broken on purpose")


class Waiting(tornado.web.RequestHandler):
    async def get(self) -> None:
        print("begun")
        await asyncio.Event().wait()


class Chat(tornado.websocket.WebSocketHandler):
    def open(self, *args: str, **kwargs: str) -> None:
        print("chat opened")

    def on_message(self, message: str | bytes) -> None:
        """Ignore what is said."""


def application() -> tornado.web.Application:
    return tornado.web.Application(
        [("/", Hello), ("/fragile", Fragile), ("/waiting", Waiting), ("/chat", Chat)]
    )


def test_a_tornado_application_is_ready_when_serve_returns(ask: Ask) -> None:
    with serve(application()) as server:
        assert (server.kind, server.name) == ("tornado", "tornado")
        assert ask(server, GET, half_close=False).endswith(b"hello")
        assert server.wait_for_output("asks") == "somebody asks\n"
    assert not server.running
    assert server.failure is None


def test_tornados_reports_go_to_the_output(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    handlers = logging.getLogger().handlers[:]
    logging.getLogger().handlers.clear()  # pytest's own: without them logging's last resort writes
    try:
        with serve(application()) as server:
            request = GET.replace(b"/", b"/fragile", 1)
            assert b"500 Internal" in ask(server, request, half_close=False)
            assert "ValueError: broken on purpose" in server.wait_for_output("500 GET /fragile")
    finally:
        logging.getLogger().handlers[:] = handlers
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("request_bytes", "sign"),
    [
        (b"GET /waiting HTTP/1.1\r\nHost: localhost\r\n\r\n", "begun"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "asks"),
        (
            b"GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket"
            b"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n",
            "chat opened",
        ),
    ],
    ids=["in a handler", "kept alive", "websocket"],
)
def test_tornado_stops_while_clients_are_connected(request_bytes: bytes, sign: str) -> None:
    server = serve(application())
    with socket.create_connection(server.address, timeout=10) as client:
        client.sendall(request_bytes)
        server.wait_for_output(sign)
        server.stop()
        while client.recv(65536):
            pass  # what it had sent, then the end
    assert "Traceback" not in server.output


def test_an_application_takes_no_arguments() -> None:
    with pytest.raises(TypeError, match="takes no arguments"):
        serve(application(), "extra")
