"""Calls every server faulty.

refused by: spares right servers, catches a server that answers half a line, catches a server that decodes each read, catches a server that drops lines, catches a server that mixes its clients, catches a server that dies by a reset, catches a server with capitals for A to Z only
misconception:
"""

import socket
import struct

WAIT = 2.0


class Client:
    def __init__(self, host, port):
        self.sock = socket.create_connection((host, port), timeout=WAIT)
        self.waiting = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def line(self):
        while b"\n" not in self.waiting:
            data = self.sock.recv(4096)
            if not data:
                raise EOFError("the server closed")
            self.waiting += data
        line, _, self.waiting = self.waiting.partition(b"\n")
        return line


def letters(host, port):
    with Client(host, port) as client:
        client.send("zoë\n".encode())
        return client.line() == "ZOË".encode()


def several_lines(host, port):
    with Client(host, port) as client:
        client.send(b"one\ntwo\nthree\n")
        return [client.line() for _ in range(3)] == [b"ONE", b"TWO", b"THREE"]


def half_a_line(host, port):
    with Client(host, port) as client:
        client.send(b"one\ntw")
        first = client.line()
        client.send(b"o\n")
        return (first, client.line()) == (b"ONE", b"TWO")


def half_a_letter(host, port):
    with Client(host, port) as client:
        client.send(b"one\nzo\xc3")
        first = client.line()
        client.send(b"\xab\n")
        return (first, client.line()) == (b"ONE", "ZOË".encode())


def left_behind(host, port):
    with Client(host, port) as client:
        client.send(b"one\ntw")
        client.line()
    with Client(host, port) as client:
        client.send(b"three\n")
        return client.line() == b"THREE"


def after_a_reset(host, port):
    with Client(host, port) as client:
        client.send(b"one\n")
        client.line()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with Client(host, port) as client:
        client.send(b"two\n")
        return client.line() == b"TWO"


PROBES = [letters, several_lines, half_a_line, half_a_letter, left_behind, after_a_reset]


def find_fault(host, port):
    for probe in PROBES:
        try:
            right = probe(host, port)
        except (OSError, EOFError) as error:
            return f"{probe.__name__}: {error!r}"
        if not right:
            return f"{probe.__name__}: another reply than the protocol says"
    return "something is wrong"
