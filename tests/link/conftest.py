"""Servers for the link's tests: real ones, in threads of this process or in another process."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Protocol

import pytest

WAIT = 10.0
"""Seconds after which a test gives up on something that takes milliseconds."""

BUSY = "import time\nend = time.monotonic() + 50\nwhile time.monotonic() < end: pass"


class Server:
    """Accepts in one thread, calls `handle(connection)` in another for each connection.

    What each call returned, or raised, is in `outcomes`, in the order of accepting.
    """

    def __init__(self, handle: Callable[[socket.socket], object], host: str, backlog: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family, backlog=backlog)
        self.address = self.listener.getsockname()[:2]
        self.outcomes: list[Future[object]] = []
        self._handle = handle
        self._accepted = threading.Condition()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def outcome(self, number: int = 0) -> object:
        """What the call for this connection returned; raises what it raised."""
        with self._accepted:
            assert self._accepted.wait_for(lambda: len(self.outcomes) > number, WAIT)
        return self.outcomes[number].result(WAIT)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept() on Linux
        self.listener.close()
        for thread in self._threads:
            thread.join(WAIT)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(WAIT)
            outcome: Future[object] = Future()
            thread = threading.Thread(target=self._run, args=(connection, outcome), daemon=True)
            self._threads.append(thread)
            with self._accepted:
                self.outcomes.append(outcome)
                self._accepted.notify_all()
            thread.start()

    def _run(self, connection: socket.socket, outcome: Future[object]) -> None:
        with connection:
            try:
                outcome.set_result(self._handle(connection))
            except BaseException as error:
                outcome.set_exception(error)


class Serve(Protocol):
    def __call__(
        self,
        handle: Callable[[socket.socket], object],
        host: str = "127.0.0.1",
        backlog: int = 128,
    ) -> Server: ...


@pytest.fixture
def serve() -> Iterator[Serve]:
    """serve(handle) starts a Server that is closed after the test."""
    servers: list[Server] = []

    def start(
        handle: Callable[[socket.socket], object], host: str = "127.0.0.1", backlog: int = 128
    ) -> Server:
        servers.append(Server(handle, host, backlog))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def connect() -> Iterator[Callable[..., socket.socket]]:
    """connect(address) is a connected socket with a timeout, closed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda address: stack.enter_context(socket.create_connection(address, timeout=WAIT))


@pytest.fixture
def busy() -> Iterator[None]:
    """Every core of this machine has a process that only computes."""
    spinning = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(os.cpu_count() or 2)]
    yield
    for process in spinning:
        process.kill()
        process.wait()


@pytest.fixture
def in_another_process() -> Iterator[Callable[[str], tuple[str, int]]]:
    """Run a program in another process; it prints its port first. Its address."""
    processes: list[subprocess.Popen[str]] = []

    def start(source: str) -> tuple[str, int]:
        process = subprocess.Popen(
            [sys.executable, "-c", source], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        return "127.0.0.1", int(process.stdout.readline())

    yield start
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
