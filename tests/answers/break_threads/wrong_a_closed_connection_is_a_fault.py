"""Calls it a fault that the server closes the connection of a client that is too slow.

refused by: catches a server for one client at a time, catches a server without places, catches a
  server that loses places, catches a server with a timeout for each read, catches a
  server that sends with its lock, catches a server that counts a line twice
misconception:
"""

import socket
import struct
import time

PATIENCE = 2.0  # seconds for a reply that has to come


class Client:
    def __init__(self, host, port):
        self.sock = socket.create_connection((host, port), timeout=PATIENCE)
        self.waiting = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def reply(self):
        while b"\n" not in self.waiting:
            piece = self.sock.recv(4096)
            if not piece:
                raise ConnectionError("the server closed the connection")
            self.waiting += piece
        line, _, self.waiting = self.waiting.partition(b"\n")
        number, _, text = line.partition(b" ")
        return int(number), text

    def ask(self, text=b"hello"):
        self.send(text + b"\n")
        number, echo = self.reply()
        if echo != text:
            raise ValueError("another line came back")
        return number

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def three_at_once(connect):
    with connect() as one, connect() as two, connect() as three:
        first = one.ask()
        return [two.ask(), three.ask(), one.ask()] == [first + 1, first + 2, first + 3]


def fourth_waits(connect):
    with connect() as one, connect() as two, connect() as three, connect() as fourth:
        for client in (one, two, three):
            client.ask()
        fourth.send(b"me\n")
        fourth.sock.settimeout(0.3)
        try:
            fourth.reply()
            return False
        except TimeoutError:
            pass
        one.sock.close()
        fourth.sock.settimeout(PATIENCE)
        return fourth.reply()[1] == b"me"


def resets(connect):
    for _ in range(3):
        with connect() as client:
            client.ask()
            client.reset()
    with connect() as client:
        return client.ask() > 0


def half_a_line(connect):
    with connect() as one, connect() as two:
        one.send(b"one\ntw")
        first, _ = one.reply()
        second = two.ask()
        one.send(b"o\n")
        return [second, one.reply()] == [first + 1, (first + 2, b"two")]


def does_not_read(connect):
    with connect() as one, connect() as two:
        one.ask()
        one.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)  # it is full sooner
        one.sock.settimeout(0.5)
        try:
            for _ in range(8000):
                one.send(b"x" * 999 + b"\n")
        except TimeoutError:
            pass  # all buffers are full: the server waits for somebody to read
        return all(two.ask() for _ in range(20))


def drips(connect):
    with connect() as client:
        client.sock.settimeout(0.2)
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            try:
                client.send(b".")
                if client.sock.recv(100) == b"":
                    return False
            except TimeoutError:
                continue
            except ConnectionError:
                return False
        return True


PROBES = [three_at_once, half_a_line, resets, fourth_waits, does_not_read, drips]


def find_fault(host, port):
    for probe in PROBES:
        try:
            right = probe(lambda: Client(host, port))
        except (OSError, ValueError) as error:
            return f"{probe.__name__}: {error!r}"
        if not right:
            return f"{probe.__name__}: not what the protocol says"
    return None
