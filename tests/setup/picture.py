"""Make the README's picture from a live connection: `python -m tests.setup.picture`.

A client sends five short lines, each with one call, to a server behind a Link that cuts what comes
into other pieces. Both ends record what they sent and read; the picture shows the two on one axis.
"""

from __future__ import annotations

import socket
from pathlib import Path

from labsupport.link import Link
from labsupport.pictures import byte_axis
from labsupport.recording import record
from labsupport.trace import Trace

TARGET = Path(__file__).resolve().parents[2] / "notebooks" / "images" / "byte_axis.png"
LINES = (b"open\n", b"hi\n", b"how are you?\n", b"bye\n", b"close\n")
FINDING = "Five sends, three reads: TCP keeps the bytes, not the borders between them"


def exchange() -> Trace:
    """Send the lines through the Link, read them until the end, and return what both recorded."""
    trace = Trace()
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Link(listener.getsockname(), merge=31, cut=(7, 16, 8)) as link,
        record(socket.create_connection(link.address, timeout=5), trace, "client") as client,
    ):
        accepted, _ = listener.accept()
        accepted.settimeout(5)
        with record(accepted, trace, "server") as server:
            for line in LINES:
                client.sendall(line)
            client.shutdown(socket.SHUT_WR)
            while server.recv(1024):
                pass
    return trace


if __name__ == "__main__":
    picture = byte_axis(exchange(), finding=FINDING)
    picture.save(TARGET)
    print(f"{TARGET}\n{picture.alt}")
