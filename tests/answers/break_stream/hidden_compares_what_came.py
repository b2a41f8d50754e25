"""Compares the replies that came, and does not notice that one is missing when the server closes.

refused by: catches a server that hangs up
misconception: chunk-is-text
"""

import socket
import struct

WAIT = 2.0


def agrees(host, port, *steps, reset=False):
    """Send each step when the replies to those before it have come, and compare the replies."""
    wanted, got = [], b""
    with socket.create_connection((host, port), timeout=WAIT) as sock:
        for data, replies in steps:
            sock.sendall(data)
            wanted += replies
            while got.count(b"\n") < len(wanted) and (more := sock.recv(4096)):
                got += more
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return all(line == reply for line, reply in zip(got.split(b"\n")[:-1], wanted))


def find_fault(host, port):
    try:
        if not agrees(host, port, ("zoë\n".encode(), ["ZOË".encode()])):
            return "capitals of ASCII only"
        if not agrees(host, port, (b"one\ntwo\nthree\n", [b"ONE", b"TWO", b"THREE"])):
            return "lines are lost"
        if not agrees(host, port, (b"one\ntw", [b"ONE"]), (b"o\n", [b"TWO"])):
            return "half a line is taken for a line"
        if not agrees(host, port, (b"one\nzo\xc3", [b"ONE"]), (b"\xab\n", ["ZOË".encode()])):
            return "each read is decoded"
        if not agrees(host, port, (b"one\ntw", [b"ONE"])):
            return "a reply is wrong"
        if not agrees(host, port, (b"three\n", [b"THREE"]), reset=True):
            return "clients are mixed"
        if not agrees(host, port, (b"four\n", [b"FOUR"])):
            return "a reset ends it"
    except OSError as error:
        return f"it breaks: {error!r}"
    return None
