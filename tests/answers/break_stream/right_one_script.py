"""One long conversation, then a half-line left behind, then a reset."""

import socket
import struct


def exchange(sock, *steps):
    """Send each step and read as many lines as it should bring; all replies."""
    replies = []
    stream = sock.makefile("rb")
    for data, lines in steps:
        sock.sendall(data)
        replies += [stream.readline() for _ in range(lines)]
    stream.close()
    return b"".join(replies)


def find_fault(host, port):
    try:
        with socket.create_connection((host, port), timeout=2) as sock:
            got = exchange(
                sock, ("é\nb\nc\nfo".encode(), 3), (b"o\nx\xc3", 1), (b"\xa9\n", 1), (b"y\nlef", 1)
            )
        if got != "É\nB\nC\nFOO\nXÉ\nY\n".encode():
            return f"wrong replies: {got!r}"
        with socket.create_connection((host, port), timeout=2) as sock:
            if (got := exchange(sock, (b"new\n", 1))) != b"NEW\n":
                return f"something of another client came: {got!r}"
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with socket.create_connection((host, port), timeout=2) as sock:
            if exchange(sock, (b"again\n", 1)) != b"AGAIN\n":
                return "no service after a reset"
    except OSError as error:
        return f"the connection failed: {error!r}"
    return None
