"""A crowd: clients of one server that do what clients of an open network do, many at once.

    with crowd.join(server.address, 500) as many:            # connect, and say nothing
        print(many)

    for name, attack in crowd.ATTACKS.items():               # a chat room against each of them
        with serve(room) as server, attack(server.address, "Eve"):
            ...

A `Crowd` is plain: blocking sockets, all in the hands of whoever joined. What it does with them
needs no thread, but for `drip`, whose one thread sends to all of its clients.

How many can join is limited by the machine, and connecting never fails on the way to a large
number: it stops where a limit is met, and `limit` says which one. Before it connects it counts
descriptors, since a crowd beside its server in one process takes two for each client, and what is
left over has to be enough for everything else. A crowd of thousands has a process of its own: see
`load`.

The attacks know three things of a chat room: a client's first line is its nickname, an answer
follows, and then each line is said to the others. They are for any room that keeps to this.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Self

from labsupport.clock import Deadline
from labsupport.meters import descriptors

if sys.platform != "win32":
    import resource

__all__ = [
    "ATTACKS",
    "Crowd",
    "drip",
    "invalid_bytes",
    "join",
    "reset",
    "slow_reader",
    "storm",
]

_SPARE = 40  # descriptors that are left over for all else in the process
_STORM = 100  # clients of a storm
_FULL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL}

Address = tuple[str, int]
Attack = Callable[[Address, str], AbstractContextManager["Crowd"]]


class Crowd:
    """Connected clients. Leaving the block closes them all.

    sockets: the clients' ends. wanted: how many were to come. limit: why no more came, in words; ""
    when all did.
    """

    def __init__(self, sockets: list[socket.socket], wanted: int, limit: str = "") -> None:
        self.sockets = sockets
        self.wanted = wanted
        self.limit = limit

    def __len__(self) -> int:
        return len(self.sockets)

    def __repr__(self) -> str:
        if not self.limit:
            return f"{len(self):,} clients"
        return f"{len(self):,} of {self.wanted:,} clients: {self.limit}"

    def say(self, data: bytes) -> None:
        """Let each client send the bytes. Raises OSError where a connection is broken."""
        for each in self.sockets:
            each.sendall(data)

    def answered(self, timeout: float = 10.0) -> None:
        """Wait until something has come to each client; it is left there, unread.

        timeout: seconds for all of them. Raises TimeoutError, and OSError for a broken connection.
        """
        deadline = Deadline(timeout)
        for each in self.sockets:
            each.settimeout(max(deadline.left(), 0.001))
            if not each.recv(1, socket.MSG_PEEK):
                raise ConnectionError("the server has closed the connection of a client")

    def dropped(self) -> int:
        """How many clients the server has given up: it closed or reset their connections."""
        return sum(_is_over(each) for each in self.sockets)

    def leave(self) -> None:
        """Close all connections; with bytes unread the system resets them (RFC 9293, 3.6.1)."""
        for each in self.sockets:
            each.close()

    def reset(self) -> None:
        """Reset all connections: SO_LINGER with 0 seconds, then close (socket(7))."""
        for each in self.sockets:
            _reset(each)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()


def join(
    address: Address,
    count: int,
    *,
    hello: Callable[[int], bytes] = lambda number: b"",
    receive_buffer: int | None = None,
    timeout: float = 5.0,
    beside: bool = True,
) -> Crowd:
    """Connect that many clients, one after the other, as far as the machine and the server permit.

    address: host and port. hello: what client number n sends when it is connected.
    receive_buffer: bytes that the system is asked to keep for a client that does not read.
    timeout: seconds for each connect, and later for each call on a client's socket.
    beside: whether the server is in this process, too, and takes a descriptor for each client.

    Raises OSError when not even the first client can connect, or a hello cannot be sent.
    """
    room = _room(2 if beside else 1)
    crowd = Crowd([], count)
    try:
        while len(crowd) < count and not crowd.limit:
            if room is not None and len(crowd) >= room:
                needs = "two" if beside else "one"
                crowd.limit = (
                    f"this process may open no more descriptors, and needs {needs} for each"
                )
                break
            try:
                crowd.sockets.append(_connected(address, receive_buffer, timeout))
            except OSError as error:
                if not crowd.sockets:
                    raise
                crowd.limit = _limit(error, timeout)
        for number, each in enumerate(crowd.sockets):
            if first := hello(number):  # a send of nothing fails, too, when the server has gone
                each.sendall(first)
    except BaseException:
        crowd.leave()
        raise
    return crowd


def _room(each_needs: int = 2) -> int | None:
    """How many clients this process has descriptors for, when each needs that many."""
    if sys.platform == "win32":
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return None
    return max(1, (soft - descriptors() - _SPARE) // each_needs)


def _limit(error: OSError, timeout: float) -> str:
    if isinstance(error, TimeoutError):
        return f"then a connect got no answer for {timeout:g} s"
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    what = "this machine permits no more" if error.errno in _FULL else "then a connect failed"
    return f"{what} ({name})"


def _connected(address: Address, receive_buffer: int | None, timeout: float) -> socket.socket:
    host, _ = address
    client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        if receive_buffer is not None:  # before connect: the window is agreed upon there
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.settimeout(timeout)
        client.connect(address)
    except BaseException:
        client.close()
        raise
    return client


def _reset(client: socket.socket) -> None:
    form = "hh" if sys.platform == "win32" else "ii"
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(form, 1, 0))
    client.close()


def _is_over(client: socket.socket) -> bool:
    """Whether the other side has ended the connection; what it sent before is read away."""
    client.settimeout(0)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


class _Drip(Crowd):
    """Clients to which one thread gives a byte to send, again and again."""

    def __init__(self, joined: Crowd, byte: bytes, every: float) -> None:
        super().__init__(joined.sockets, joined.wanted, joined.limit)
        self._byte = byte
        self._every = every
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drip", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        going = list(self.sockets)
        while going:
            going = [each for each in going if self._send(each)]
            if self._left.wait(self._every):
                return

    def _send(self, client: socket.socket) -> bool:
        """Send a byte; return whether the connection still takes it."""
        try:
            client.send(self._byte)
        except OSError:
            return False
        return True

    def leave(self) -> None:
        """Stop dripping, then close all connections."""
        self._left.set()
        self._thread.join()
        super().leave()


def drip(address: Address, count: int, *, byte: bytes = b"x", every: float = 0.05) -> Crowd:
    """Clients that send one byte at a time and never come to an end ("slow-loris").

    every: seconds between two bytes of a client. Raises OSError when none can connect.
    """
    return _Drip(join(address, count), byte, every)


def _said(nickname: str) -> Callable[[int], bytes]:
    """The first lines of clients of that nickname: Eve, Eve1, Eve2 and so on."""
    return lambda number: f"{nickname}{number or ''}\n".encode()


@contextmanager
def slow_reader(address: Address, nickname: str) -> Iterator[Crowd]:
    """One that joins and then reads nothing, with a small receive buffer."""
    with join(address, 1, hello=_said(nickname), receive_buffer=4096) as one:
        one.answered()
        yield one


@contextmanager
def reset(address: Address, nickname: str) -> Iterator[Crowd]:
    """One that joins and then resets its connection."""
    with join(address, 1, hello=_said(nickname)) as one:
        one.answered()
        one.reset()
        yield one


@contextmanager
def storm(address: Address, nickname: str) -> Iterator[Crowd]:
    """A hundred that join and are gone at once: one half by a reset, the other by a close."""
    with join(address, _STORM, hello=_said(nickname)) as many:
        many.answered()
        for number, each in enumerate(many.sockets):
            if number % 2:
                each.recv(65536)  # read, so that the close is not a reset
                each.close()
            else:
                _reset(each)
        yield many


@contextmanager
def invalid_bytes(address: Address, nickname: str) -> Iterator[Crowd]:
    """One that joins, says a line that is not UTF-8, and leaves."""
    with join(address, 1, hello=_said(nickname)) as one:
        one.answered()
        one.sockets[0].recv(65536)
        one.say(b"\xff\xfe\n")
        one.leave()
        yield one


ATTACKS: Mapping[str, Attack] = {
    "a slow reader": slow_reader,
    "a reset": reset,
    "a storm": storm,
    "invalid bytes": invalid_bytes,
}
