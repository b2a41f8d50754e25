"""Keeps the numbers that have come in one place, for all servers that it meets.

refused by: catches a server for one client at a time, catches a server without places, catches a
  server that loses places, catches a server with a timeout for each read, catches a
  server that sends with its lock, catches a server that counts a line twice
misconception:
"""

import contextlib
import select
import socket
import struct
import time

LONG = 2.5


class Fault(Exception):
    """What is wrong with the server."""


class Clerk:
    numbers = set()

    def __init__(self, address):
        self.address = address

    @contextlib.contextmanager
    def clients(self, number):
        with contextlib.ExitStack() as stack:
            yield [
                stack.enter_context(socket.create_connection(self.address, timeout=LONG))
                for _ in range(number)
            ]

    def reads(self, client, text):
        """Read one reply byte by byte, so that nothing of the next one is read."""
        reply = b""
        while not reply.endswith(b"\n"):
            byte = client.recv(1)
            if not byte:
                raise Fault("a connection was closed")
            reply += byte
        number, _, echo = reply[:-1].partition(b" ")
        if echo != text:
            raise Fault(f"the reply to {text!r} was {reply!r}")
        if number in self.numbers:
            raise Fault(f"the number {number!r} came twice")
        self.numbers.add(number)

    def asks(self, client, text=b"x"):
        client.sendall(text + b"\n")
        self.reads(client, text)


def readable(client, seconds):
    return bool(select.select([client], [], [], seconds)[0])


def reset_while_served(clerk):
    for _ in range(4):
        with clerk.clients(1) as (client,):
            clerk.asks(client)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def places(clerk):
    with clerk.clients(4) as served:
        waiting = served.pop()
        for client in served:
            clerk.asks(client)
        waiting.sendall(b"late\n")
        if readable(waiting, 0.4):
            raise Fault("more than three are served")
        served[-1].close()
        clerk.reads(waiting, b"late")


def interleave(clerk):
    with clerk.clients(3) as (one, two, three):
        one.sendall(b"a\nb")
        clerk.reads(one, b"a")
        clerk.asks(two)
        clerk.asks(three)
        one.sendall(b"c\n")
        clerk.reads(one, b"bc")


def stuff(clerk):
    with clerk.clients(2) as (stuck, other):
        clerk.asks(other)
        stuck.setblocking(False)
        line = b"y" * 900 + b"\n"
        while select.select([], [stuck], [], 0.5)[1]:
            with contextlib.suppress(BlockingIOError):
                stuck.send(line)
        for _ in range(10):
            clerk.asks(other)


def too_slow(clerk):
    with clerk.clients(1) as (client,):
        until = time.monotonic() + LONG
        while time.monotonic() < until:
            try:
                client.sendall(b"z")
                if readable(client, 0.25):
                    client.recv(1)
                    return
            except ConnectionError:
                return
        raise Fault("a line may take longer than a second")


def find_fault(host, port):
    clerk = Clerk((host, port))
    try:
        for step in (interleave, reset_while_served, places, stuff, too_slow):
            step(clerk)
    except Fault as fault:
        return str(fault)
    except OSError as error:
        return f"no reply: {error}"
    return None
