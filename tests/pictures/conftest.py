"""Connections whose ends are recorded, for the pictures to draw."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from labsupport.recording import RecordingSocket, record
from labsupport.trace import Trace


class Recorded:
    """A real connection; both ends write into one trace."""

    def __init__(self) -> None:
        self.trace = Trace()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            client = socket.create_connection(listener.getsockname(), timeout=5)
            server, _ = listener.accept()
        server.settimeout(5)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.ends = (client.getsockname(), client.getpeername())
        self.client: RecordingSocket = record(client, self.trace, "client")
        self.server: RecordingSocket = record(server, self.trace, "server")

    def arrived(self, number: int) -> None:
        """Wait, unrecorded, until the server could read that many bytes at once."""
        got = socket.socket.recv(self.server, number, socket.MSG_PEEK | socket.MSG_WAITALL)
        assert len(got) == number

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    with closing(Recorded()) as made:
        yield made
