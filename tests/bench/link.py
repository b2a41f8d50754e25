"""What a link costs, relative to a direct connection in the same run.

    python -m tests.bench.link

Throughput of one stream, the latency that a link adds to a round trip of 64 bytes, and the price of
a causal cut. The server runs in another process. Of several rounds the median counts; ratios are
what to compare between machines.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

from labsupport import Link

MEGABYTES = 200
ROUND_TRIPS = 2000
PIECES = 2000
ROUNDS = 5

SERVER = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        if connection.recv(1) == b"e":
            while data := connection.recv(64):
                connection.sendall(data)
        else:
            while connection.recv(1 << 18):
                pass
            connection.sendall(b"done")
"""

Address = tuple[str, int]


def throughput(address: Address) -> float:
    """Bytes per second of one stream to the server."""
    block = bytes(1 << 20)
    with socket.create_connection(address) as client:
        began = time.perf_counter()
        client.sendall(b"s")
        for _ in range(MEGABYTES):
            client.sendall(block)
        client.shutdown(socket.SHUT_WR)
        client.recv(10)
        return MEGABYTES * (1 << 20) / (time.perf_counter() - began)


def round_trip(address: Address) -> float:
    """Seconds for 64 bytes there and back."""
    message, took = bytes(64), []
    with socket.create_connection(address) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(b"e")
        for _ in range(ROUND_TRIPS):
            began = time.perf_counter()
            client.sendall(message)
            got = 0
            while got < 64:
                got += len(client.recv(64))
            took.append(time.perf_counter() - began)
    return median(took)


def cut(address: Address) -> float:
    """Seconds for each piece of a stream that is cut into single bytes."""
    with socket.create_connection(address) as client:
        began = time.perf_counter()
        client.sendall(b"s" + bytes(PIECES))
        client.shutdown(socket.SHUT_WR)
        client.recv(10)
        return (time.perf_counter() - began) / PIECES


def main() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            assert server.stdout is not None
            direct = ("127.0.0.1", int(server.stdout.readline()))
            compare("throughput", throughput, direct, 1e-6, "MB/s")
            compare("round trip of 64 bytes", round_trip, direct, 1e6, "µs")
            with Link(direct, to_server={"cut": 1}) as link:
                price = median(cut(link.address) for _ in range(ROUNDS))
                causal = "causal" if link.causal else "not causal here"
            print(f"cut=1: {price * 1e6:.0f} µs for each piece ({causal})")
        finally:
            server.kill()


def compare(
    name: str, measure: Callable[[Address], float], direct: Address, scale: float, unit: str
) -> None:
    """Measure directly and through a link in turn, and print both and their ratio."""
    plain, linked = [], []
    for _ in range(ROUNDS):
        plain.append(measure(direct))
        with Link(direct) as link:
            linked.append(measure(link.address))
    one, other = median(plain), median(linked)
    print(
        f"{name}: direct {one * scale:,.0f} {unit}, linked {other * scale:,.0f} {unit}, "
        f"difference {(other - one) * scale:+,.0f} {unit}, linked / direct = {other / one:.2f}"
    )


if __name__ == "__main__":
    main()
