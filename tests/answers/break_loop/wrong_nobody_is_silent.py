"""Has every client ask for an echo as soon as it is connected.

refused by: catches a loop that waits for a new client
misconception: one-thread-one-client
"""

import socket
import struct

PATIENCE = 2.0  # seconds for what has to come
STUCK = 0.5  # seconds after which a send waits for somebody to read
MUCH = 24 * 1024 * 1024  # bytes: more than a right server takes while nobody reads


class Client:
    def __init__(self, host, port):
        self.sock = socket.create_connection((host, port), timeout=PATIENCE)
        self.echo(b"I am here")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def echo(self, data=b"hello"):
        """Send data, and tell whether it comes back."""
        self.sock.sendall(data)
        got = b""
        while len(got) < len(data) and (piece := self.sock.recv(4096)):
            got += piece
        return got == data

    def fill(self):
        """Send numbers and read nothing, until a send waits; what was taken, and whether."""
        self.sock.settimeout(STUCK)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)  # little waits here
        data = b"".join(number.to_bytes(4, "big") for number in range(16384))
        taken = bytearray()
        while len(taken) < MUCH:
            try:
                piece = data[:-4] + len(taken).to_bytes(4, "big")
                taken += piece[: self.sock.send(piece)]
            except TimeoutError:
                return bytes(taken), True
        return bytes(taken), False

    def rest(self):
        """Everything that comes until the end."""
        self.sock.settimeout(PATIENCE)
        got = bytearray()
        while piece := self.sock.recv(65536):
            got += piece
        return bytes(got)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def behind_a_silent_one(connect):
    with connect(), connect() as other:
        return other.echo()


def beside_a_reset(connect):
    with connect() as one, connect() as other:
        one.echo()
        one.reset()
        return other.echo() and other.echo()


def beside_a_deaf_one(connect):
    with connect() as deaf, connect() as other:
        _, waits = deaf.fill()
        if not (waits and other.echo()):
            return False
        deaf.sock.shutdown(socket.SHUT_WR)
        deaf.rest()  # to leave bytes unread would be a reset
        return True


def after_the_end(connect):
    with connect() as client:
        taken, _ = client.fill()
        client.sock.shutdown(socket.SHUT_WR)
        return client.rest() == taken


PROBES = [behind_a_silent_one, beside_a_reset, beside_a_deaf_one, after_the_end]


def find_fault(host, port):
    for probe in PROBES:
        try:
            right = probe(lambda: Client(host, port))
        except OSError as error:
            return f"{probe.__name__}: {error!r}"
        if not right:
            return f"{probe.__name__}: not what the protocol says"
    return None
