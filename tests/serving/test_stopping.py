"""Stopping: bounded, idempotent, and honest about what would not stop."""

from __future__ import annotations

import asyncio
import gc
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Callable

import psutil
import pytest

from labsupport.clock import Deadline, poll
from labsupport.serving import Server, StillRunning, running, serve, stop_all

Ask = Callable[..., bytes]


def echo(listener: socket.socket) -> None:
    def handle(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=handle, args=(connection,)).start()


def test_a_server_may_be_stopped_twice() -> None:
    server = serve(echo)
    server.stop()
    server.stop()
    assert not server.running


def test_a_server_that_ended_by_itself_may_be_stopped() -> None:
    server = serve(lambda listener: None, name="nothing")
    poll(lambda: not server.running, deadline=10, said="it runs on")
    server.stop()


def test_stopping_wakes_threads_that_wait_for_silent_clients() -> None:
    server = serve(echo)
    clients = [socket.create_connection(server.address, timeout=10) for _ in range(20)]
    poll(lambda: len(server.owned_threads) == 21, deadline=10, said="not all are served")
    server.stop()
    for client in clients:
        with client:
            assert client.recv(1) == b""
    assert server.owned_threads == ()
    assert server.output == ""


def test_stopping_wakes_a_thread_that_sends_to_a_client_that_does_not_read() -> None:
    def floods(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        print("sends")
        connection.sendall(bytes(64 * 1024 * 1024))

    server = serve(floods)
    with socket.create_connection(server.address):
        server.wait_for_output("sends")
        server.stop()
    assert server.failure is None
    assert not server.running


def test_the_error_that_a_thread_gets_from_the_stop_is_not_reported() -> None:
    def floods_in_a_thread(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        threading.Thread(target=connection.sendall, args=(bytes(64 * 1024 * 1024),)).start()
        print("sends")
        listener.accept()

    server = serve(floods_in_a_thread)
    with socket.create_connection(server.address):
        server.wait_for_output("sends")
        server.stop()
    assert server.output == "sends\n"


def test_stopping_closes_connections_that_somebody_keeps() -> None:
    kept = []

    def hoards(listener: socket.socket) -> None:
        while True:
            kept.append(listener.accept()[0])
            print("accepted")

    server = serve(hoards)
    with socket.create_connection(server.address):
        server.wait_for_output("accepted")
        server.stop()
    assert kept[0].fileno() == -1


def test_stopping_wakes_a_server_whose_backlog_is_full() -> None:
    let_go = threading.Event()

    def never_accepts(listener: socket.socket) -> None:
        let_go.wait()
        listener.accept()

    server = serve(never_accepts, backlog=0)
    clients = [socket.socket() for _ in range(4)]
    for client in clients:
        client.setblocking(False)
        client.connect_ex(server.address)
    let_go.set()
    server.stop()
    for client in clients:
        client.close()
    assert not server.running


def test_a_stopped_port_refuses_clients(wait_until_refused: Callable[[int], None]) -> None:
    server = serve(echo)
    server.stop()
    wait_until_refused(server.port)


def test_a_thread_in_an_endless_loop_is_named_with_its_line(release: threading.Event) -> None:
    def spins(listener: socket.socket) -> None:
        while not release.wait(0.01):
            pass

    server = serve(spins)
    with pytest.raises(StillRunning) as refusal:
        server.stop(0.2)
    (survivor,) = refusal.value.survivors
    assert (survivor.what, survivor.name) == ("thread", "spins")
    assert survivor.where.startswith("at test_stopping.py:")
    assert ", in spins: while not release.wait(0.01):" in survivor.where
    assert "server 'spins' did not stop within 0.2 s" in str(refusal.value)
    assert "did not stop" in repr(server)


def test_a_survivor_is_named_by_the_innermost_line_of_the_learners_own(
    release: threading.Event,
) -> None:
    def inner() -> None:
        release.wait()  # the innermost frame of all is in threading.py

    def outer(listener: socket.socket) -> None:
        inner()

    server = serve(outer)
    with pytest.raises(StillRunning, match=r"in inner: release\.wait\(\)"):
        server.stop(0.1)


def test_what_would_not_stop_may_end_later_and_is_then_stopped(release: threading.Event) -> None:
    server = serve(lambda listener: release.wait(), name="late")
    with pytest.raises(StillRunning):
        server.stop(0.1)
    with pytest.raises(StillRunning):
        server.stop(0.1)
    assert server in running()
    release.set()
    server.stop()
    assert not server.running
    assert server not in running()


def test_a_stop_keeps_to_its_deadline_with_many_survivors(release: threading.Event) -> None:
    def many(listener: socket.socket) -> None:
        for _ in range(20):
            threading.Thread(target=release.wait).start()
        print("started")

    server = serve(many)
    server.wait_for_output("started")
    poll(lambda: len(server.owned_threads) == 20, deadline=20, said="not all have started")
    deadline = Deadline(10)
    with pytest.raises(StillRunning) as refusal:
        server.stop(0.2)
    assert not deadline.expired
    assert len(refusal.value.survivors) == 20


def test_threads_of_threads_are_owned_joined_and_named(release: threading.Event) -> None:
    def grandparent(listener: socket.socket) -> None:
        threading.Thread(target=parent).start()

    def parent() -> None:
        threading.Timer(0, child).start()

    def child() -> None:
        print("born")
        release.wait()

    server = serve(grandparent)
    server.wait_for_output("born")
    with pytest.raises(StillRunning, match="in child"):
        server.stop(0.1)


def test_a_server_that_a_server_started_has_threads_and_output_of_its_own() -> None:
    def inner(listener: socket.socket) -> None:
        print("inner")
        listener.accept()

    def outer(listener: socket.socket) -> None:
        serve(inner)
        print("outer")
        listener.accept()

    server = serve(outer)
    server.wait_for_output("outer")
    (other,) = (each for each in running() if each.name == "inner")
    other.wait_for_output("inner")
    assert (server.output, other.output) == ("outer\n", "inner\n")
    server.stop()
    assert other.running
    other.stop()


def test_idle_workers_of_a_pool_end_with_the_function(ask: Ask) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def pooled(listener: socket.socket) -> None:
        pool = ThreadPoolExecutor(4)
        while True:
            connection, _ = listener.accept()
            pool.submit(answer, connection)

    def answer(connection: socket.socket) -> None:
        with connection:
            connection.sendall(connection.recv(100))

    server = serve(pooled)
    assert ask(server) == b"hello"
    server.stop()
    assert server.owned_threads == ()


def test_a_server_may_stop_itself() -> None:
    handle: queue.Queue[Server] = queue.Queue()
    stopped = threading.Event()

    def suicidal(listener: socket.socket) -> None:
        handle.get().stop()
        stopped.set()

    server = serve(suicidal)
    handle.put(server)
    assert stopped.wait(10)
    server.stop()
    assert not server.running


def test_a_handler_may_stop_its_own_server() -> None:
    handle: queue.Queue[Server] = queue.Queue()

    async def suicidal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handle.get().stop()

    server = serve(suicidal)
    handle.put(server)
    with socket.create_connection(server.address, timeout=20) as client:
        assert client.recv(1) == b""
    server.stop()
    assert server.output == ""
    assert not server.running


def test_two_threads_may_stop_one_server() -> None:
    server = serve(echo)
    others = [threading.Thread(target=server.stop) for _ in range(4)]
    for other in others:
        other.start()
    server.stop()
    for other in others:
        other.join()
    assert not server.running


def test_leaving_the_block_stops_the_server() -> None:
    with serve(echo) as server:
        assert server.running
    assert not server.running


def test_leaving_the_block_names_what_would_not_stop(release: threading.Event) -> None:
    server = serve(lambda listener: release.wait(), name="stuck")
    server.stop = lambda deadline=0.1: type(server).stop(server, deadline)  # type: ignore[method-assign]
    with pytest.raises(StillRunning, match="stuck"), server:
        pass


def test_an_error_in_the_block_is_not_hidden_by_what_would_not_stop(
    release: threading.Event,
) -> None:
    server = serve(lambda listener: release.wait(), name="stuck")
    server.stop = lambda deadline=0.1: type(server).stop(server, deadline)  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError) as failure, server:
        _ = 1 // 0
    assert "server 'stuck' did not stop" in failure.value.__notes__[0]


def test_stop_all_stops_what_can_be_stopped_and_names_the_rest(release: threading.Event) -> None:
    good = [serve(echo, name=f"good {number}") for number in range(3)]
    serve(lambda listener: release.wait(), name="bad")
    serve(lambda listener: release.wait(), name="worse")
    with pytest.raises(StillRunning, match="'bad'") as refusal:
        stop_all(0.4)
    assert "'worse'" in refusal.value.__notes__[0]
    assert not any(server.running for server in good)
    assert [server.name for server in running()] == ["bad", "worse"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["function", "handler", "application", "command"])
def test_a_hundred_cycles_leave_no_descriptor_thread_or_process(kind: str) -> None:
    import tornado.web

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(100))
        await writer.drain()
        await reader.read()

    class Handler(tornado.web.RequestHandler):
        async def get(self) -> None:
            await asyncio.to_thread(self.write, "hi")

    one_client = """
import socket
connection, _ = socket.socket(fileno={fd}).accept()
connection.send(connection.recv(100))
connection.recv(100)
"""
    command = ["python", "-I", "-S", "-c", one_client]
    targets = {
        "function": echo,
        "handler": handle,
        "application": tornado.web.Application([("/", Handler)]),
        "command": command if os.name == "posix" else None,
    }
    target = targets[kind]
    if target is None:
        pytest.skip("{fd} is POSIX")

    def cycle() -> None:
        with (
            serve(target) as server,  # type: ignore[arg-type]
            socket.create_connection(server.address, timeout=20) as client,
        ):
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(1)

    cycle()  # what is loaded and opened once is not a leak
    gc.collect()  # nor is what other tests have left to be closed with their garbage
    process = psutil.Process()
    count = process.num_fds if os.name == "posix" else process.num_handles
    before = (count(), threading.active_count(), len(process.children(recursive=True)))
    for _ in range(100):
        cycle()
    assert (count(), threading.active_count(), len(process.children(recursive=True))) == before


def test_servers_that_were_never_stopped_do_not_keep_a_script_from_ending() -> None:
    script = """
import asyncio, socket, threading
from labsupport.serving import serve
def waits(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=connection.recv, args=(1,)).start()
async def handle(reader, writer):
    await reader.read()
def stuck(listener):
    threading.Event().wait()
servers = [serve(waits), serve(handle), serve(stuck),
           serve(["python", "-m", "http.server", "--bind", "127.0.0.1", "{port}"])]
clients = [socket.create_connection(server.address) for server in servers]
print(servers[-1].pid)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=50, check=False
    )
    assert ended.returncode == 0
    assert "server 'stuck' did not stop" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not psutil.pid_exists(int(ended.stdout))
