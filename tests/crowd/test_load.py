"""Connections that another process holds: how many come, what stops them, and that they end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from labsupport import load, meters, serve
from labsupport.clock import poll
from labsupport.serving.server import Server
from tests.notebooks.files import ROOT

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of descriptors")

ANSWERING = """
import asyncio, socket, sys

async def answer(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
    writer.close()

async def main():
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=512)
    async with await asyncio.start_server(answer, sock=listener, backlog=512) as server:
        await server.serve_forever()

asyncio.run(main())
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(["python", "-c", ANSWERING, "{port}"], deadline=60) as made:
        yield made


def established(server: Server) -> int:
    found = meters.connections(server.port, pid=server.pid)  # type: ignore[attr-defined]
    return sum(each.state == "ESTABLISHED" for each in found)


def test_they_come_in_groups_stay_and_leave_with_the_block(server: Server) -> None:
    with load.hold(server.address) as held:
        assert (len(held), repr(held)) == (0, "0 connections")
        assert [held.more(20), held.more(30)] == [20, 30]
        assert (len(held), held.limit, repr(held)) == (50, "", "50 connections")
        assert established(server) == 50
        assert meters.connections(server.port) == []  # none of them in this process
    poll(lambda: established(server) == 0, deadline=20, said="connections are left")


@posix
def test_the_limit_of_descriptors_stops_them_and_is_named(server: Server) -> None:
    program = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 100))\n"
        "from labsupport import load\n"
        f"with load.hold(('127.0.0.1', {server.port})) as held:\n"
        "    held.more(500), held.more(500)\n"
        "    print(held)\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    said, limits = done.stdout.splitlines()
    count, words = said.split(" ", 1)
    assert 20 < int(count) < 100  # beyond the soft limit less what is spared
    assert words == (
        "connections: this process may open no more descriptors, and needs one for each"
    )
    assert limits == "(64, 100)"  # the process that asked keeps its own


@posix
def test_more_descriptors_raises_the_soft_limit_to_the_hard_one() -> None:
    program = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 100))\n"
        "from labsupport import load\n"
        "print(load.more_descriptors(), resource.getrlimit(resource.RLIMIT_NOFILE))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "100 (100, 100)\n"


def test_a_server_that_does_not_answer_is_named_and_its_group_is_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with load.hold(listener.getsockname(), timeout=0.3) as held:
            assert held.more(3) == 0
            assert held.limit == "then the server did not answer (TimeoutError)"
            assert held.more(3) == 0
            accepted, _ = listener.accept()
            with accepted:
                accepted.settimeout(20)
                assert accepted.recv(100) == b"hello\n"
                assert accepted.recv(100) == b""


def test_nobody_listens() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = listener.getsockname()
    with load.hold(address) as held:
        assert held.more(2) == 0
        assert held.limit == "then not even one could connect (ConnectionRefusedError)"


def test_the_process_that_holds_them_ends_with_the_one_that_asked(server: Server) -> None:
    program = (
        "import os, signal\n"
        "from labsupport import load\n"
        f"held = load.hold(('127.0.0.1', {server.port}))\n"
        "held.more(5)\n"
        "print(held._child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    child = int(done.stdout)
    poll(lambda: not psutil.pid_exists(child), deadline=20, said="it holds them still")
    poll(lambda: established(server) == 0, deadline=20, said="connections are left")


def test_an_end_of_the_process_that_holds_them_is_an_error(server: Server) -> None:
    with load.hold(server.address) as held:
        held.more(1)
        held._child.kill()
        held._child.wait()
        with pytest.raises(RuntimeError, match="has ended"):
            held.more(1)
