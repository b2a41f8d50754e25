"""How long serve() takes until a server is ready: `python -m tests.bench.serving [ROUNDS]`.

Each kind is started and stopped ROUNDS times, in turn with its baseline, so that both see the same
load of the machine. A start counts until the first byte has gone there and back, which is stricter
than what serve() promises (a client may connect). The baselines do the least that could do it:
socket.create_server and a thread that echoes, and a Python process that ends at once.

Exits with 1 when a median is not below its limit.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import tornado.web

from labsupport.clock import now
from labsupport.serving import serve

IN_PROCESS = 20.0  # milliseconds
SUBPROCESS = 250.0

ECHO = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    connection, _ = listener.accept()
    connection.sendall(connection.recv(100))
    connection.recv(100)
"""
INHERITED_ECHO = """
import socket, sys
connection, _ = socket.socket(fileno=int(sys.argv[1])).accept()
connection.sendall(connection.recv(100))
connection.recv(100)
"""


def echo(listener: socket.socket) -> None:
    """Answer one client with what it sent."""
    connection, _ = listener.accept()
    with connection:
        connection.sendall(connection.recv(100))


async def stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with what came."""
    writer.write(await reader.read(100))
    writer.close()


class Hello(tornado.web.RequestHandler):
    """Answer any GET."""

    def get(self) -> None:
        self.write("hello")


def first_byte(address: tuple[str, int]) -> None:
    """Connect, send, and wait for the first byte of an answer."""
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(1)


def bare_thread() -> float:
    """The baseline of servers in this process; returns milliseconds."""
    began = now()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=echo, args=(listener,))
        thread.start()
        first_byte(listener.getsockname())
        took = now() - began
        thread.join()
    return took * 1000


def bare_process() -> float:
    """The baseline of commands: until a process that does nothing has ended; milliseconds."""
    began = now()
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        process.wait()
        return (now() - began) * 1000


def start(target: Any) -> Callable[[], float]:
    """Return a function that starts target, talks to it, stops it, and returns milliseconds."""

    def once() -> float:
        began = now()
        with serve(target) as server:
            first_byte(server.address)
            return (now() - began) * 1000

    return once


KINDS: tuple[tuple[str, Any, Callable[[], float], float], ...] = (
    ("function", echo, bare_thread, IN_PROCESS),
    ("asyncio handler", stream, bare_thread, IN_PROCESS),
    ("Tornado application", tornado.web.Application([("/", Hello)]), bare_thread, IN_PROCESS),
    ("command, {port}", ["python", "-c", ECHO, "{port}"], bare_process, SUBPROCESS),
    ("command, {fd}", ["python", "-c", INHERITED_ECHO, "{fd}"], bare_process, SUBPROCESS),
)


def main() -> int:
    """Measure, print a table, and return the exit code."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    print(f"start to first byte, milliseconds, {rounds} rounds each")
    print(f"{'kind':22}{'p50':>8}{'p95':>8}{'baseline p50':>14}{'ratio':>8}{'limit p50':>11}")
    too_slow = False
    for kind, target, baseline, limit in KINDS:
        if sys.platform == "win32" and "{fd}" in kind:
            continue
        once = start(target)
        once(), baseline()  # imports and caches
        pairs = [(once(), baseline()) for _ in range(rounds)]
        ours, bare = (sorted(column) for column in zip(*pairs, strict=True))
        median, bare_median = statistics.median(ours), statistics.median(bare)
        too_slow |= median >= limit
        print(
            f"{kind:22}{median:8.2f}{ours[int(len(ours) * 0.95)]:8.2f}{bare_median:14.2f}"
            f"{median / bare_median:8.1f}{limit:11.0f}"
        )
    print("too slow" if too_slow else "all medians below their limits")
    return int(too_slow)


if __name__ == "__main__":
    sys.exit(main())
