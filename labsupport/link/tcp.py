"""A relay of TCP connections: it accepts, connects onwards, and joins two `Way`s.

Each accepted connection gets its own connection to the server, made when the client's has been
accepted. So a link can stand before a server that does not run yet. A server that refuses shows as
a reset: the client's connection to the link exists already and can no longer be refused.

How a connection ends is passed on as it was: an end of stream as an end of stream in one
direction, in order behind the bytes; a reset as a reset (SO_LINGER with 0 seconds, socket(7)),
behind the bytes too, but not waiting for a receiver whose window is closed. Nagle's algorithm is
off on both sides (TCP_NODELAY, tcp(7)), so that the link adds no pauses of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from labsupport.link.causal import ReadProbe
from labsupport.link.faults import DIRECTIONS, TcpFaults
from labsupport.link.schedule import Dice
from labsupport.link.way import Way
from labsupport.trace import Direction, Trace

__all__ = ["CONNECT_LIMIT", "Connection", "Target", "TcpRelay"]

CONNECT_LIMIT = 5.0
"""Seconds in which the server must complete a connection."""

_LINGER_LIMIT = 2.0  # seconds that both senders have to end after `truncate`
_BACKLOG = 1024
_ACCEPTS_AT_ONCE = 128
_ACCEPT_PAUSE = 0.1  # seconds without accepting when no descriptor is left
_LOOK_AGAIN = 0.010
_RESET_ON_CLOSE = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
_CONNECTING = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN)
_NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

Target = tuple[socket.AddressFamily, Any]
"""An address family and an address of it."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection through a link, as it is now.

    number: 1, 2, ... in the order in which the link accepted them.
    client: the client's address. server: the server's address, as the link reaches it.
    near: the link's own address towards the server, which is the client that the server sees;
        None before it is connected.
    to_server, to_client: bytes that the link has sent in each direction.
    """

    number: int
    client: Any
    near: Any
    server: Any
    to_server: int
    to_client: int


class TcpRelay:
    """The listener and all its connections. Every method runs in the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        trace: Trace,
        name: str,
        seed: int | str,
        faults: dict[Direction, TcpFaults],
        probe: ReadProbe | None,
    ) -> None:
        self.loop = loop
        self.trace = trace
        self.name = name
        self.seed = seed
        self.faults = dict(faults)
        self.probe = probe
        self.joined: dict[int, _Joined] = {}
        self._targets: Sequence[Target] = ()
        self._listener: socket.socket | None = None
        self._retry: asyncio.TimerHandle | None = None

    def start(self, targets: Sequence[Target]) -> Any:
        """Listen on loopback; the address. targets: where to connect to, tried in order."""
        self._targets = targets
        family = targets[0][0]
        host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
        self._listener = socket.create_server((host, 0), family=family, backlog=_BACKLOG)
        self._listener.setblocking(False)
        self.loop.add_reader(self._listener, self._accept)
        return self._listener.getsockname()

    def change(self, faults: dict[Direction, TcpFaults]) -> None:
        """Use these faults for all bytes that have not left, and for later connections."""
        self.faults = dict(faults)
        for each in list(self.joined.values()):
            each.change(faults)

    def stop(self) -> None:
        """Close the listener and all connections."""
        if self._retry is not None:
            self._retry.cancel()
        if self._listener is not None:
            self.loop.remove_reader(self._listener)
            self._listener.close()
        for each in list(self.joined.values()):
            each.close("the link was stopped")

    def ending(self) -> bool:
        """Whether one side of some connection has ended and the other has not yet."""
        return any(each.ending for each in self.joined.values())

    def connections(self) -> tuple[Connection, ...]:
        """The connections that are open now."""
        return tuple(each.view() for each in self.joined.values())

    def _accept(self) -> None:
        assert self._listener is not None
        for _ in range(_ACCEPTS_AT_ONCE):
            try:
                client, address = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _NO_DESCRIPTORS:
                    raise
                # The connection stays in the backlog: without a pause the loop would spin on it.
                self._say(f"cannot accept now: {error.strerror}; raise the limit (ulimit -n)")
                self.loop.remove_reader(self._listener)
                self._retry = self.loop.call_later(
                    _ACCEPT_PAUSE, self.loop.add_reader, self._listener, self._accept
                )
                return
            number = self.trace.next_connection(self.name)
            self.joined[number] = joined = _Joined(self, number, client, address)
            joined.connect(list(self._targets))

    def _say(self, note: str) -> None:
        self.trace.add(self.name, "error", connection=0, note=note)


class _Joined:
    """A client's connection and the one to the server that belongs to it."""

    def __init__(self, relay: TcpRelay, number: int, client: socket.socket, address: Any) -> None:
        self.loop = relay.loop
        self.trace = relay.trace
        self.name = relay.name
        self.number = number
        self._relay = relay
        self._client = client
        self._client_address = address
        self._server: socket.socket | None = None
        self._server_address: Any = None
        self._near: Any = None
        self._ways: dict[Direction, Way] = {}
        self._gone: list[socket.socket] = []  # whose own reset has come
        self._timer: asyncio.TimerHandle | None = None
        self._late_look: asyncio.TimerHandle | None = None
        self._closed = False
        client.setblocking(False)
        _option(client, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._add("open")

    @property
    def ending(self) -> bool:
        return any(way.read_end or way.sent_end for way in self._ways.values())

    @property
    def probe(self) -> ReadProbe | None:
        return self._relay.probe

    @probe.setter
    def probe(self, probe: ReadProbe | None) -> None:
        self._relay.probe = probe

    # -- joining

    def connect(self, targets: list[Target]) -> None:
        """Connect to the first target that accepts; reset the client when none does."""
        family, self._server_address = targets.pop(0)
        try:
            server = socket.socket(family, socket.SOCK_STREAM)
        except OSError as error:
            self.reset(f"no connection to the server: {error.strerror}")
            return
        self._server = server
        server.setblocking(False)
        _option(server, socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        failed = server.connect_ex(self._server_address)
        if failed in _CONNECTING:
            self.loop.add_writer(server, self._connected, targets)
            self._timer = self.loop.call_later(
                CONNECT_LIMIT, self._not_connected, errno.ETIMEDOUT, targets
            )
        elif failed:
            self._not_connected(failed, targets)
        else:
            self._join(server)

    def _connected(self, targets: list[Target]) -> None:
        assert self._server is not None
        self._no_waiting()
        failed = self._server.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if failed:
            self._not_connected(failed, targets)
        else:
            self._join(self._server)

    def _not_connected(self, failed: int, targets: list[Target]) -> None:
        assert self._server is not None
        self._no_waiting()
        self._server.close()
        self._server = None
        if targets:
            self.connect(targets)
        elif failed == errno.ECONNREFUSED:
            self.reset("the server refused the connection")
        else:
            self.reset(f"no connection to the server: {os.strerror(failed)}")

    def _no_waiting(self) -> None:
        assert self._server is not None
        self.loop.remove_writer(self._server)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _join(self, server: socket.socket) -> None:
        self._near = server.getsockname()
        for direction in DIRECTIONS:
            outward = direction == "to_server"
            self._ways[direction] = Way(
                self,
                direction,
                source=self._client if outward else server,
                target=server if outward else self._client,
                faults=self._relay.faults[direction],
                dice=Dice(self._relay.seed, self.number, direction),
            )
        for way in self._ways.values():
            if not self._closed:  # the first may have reset both
                way.start()

    # -- what its ways say

    def change(self, faults: dict[Direction, TcpFaults]) -> None:
        for direction, way in self._ways.items():
            way.change(faults[direction])

    def finished(self, way: Way) -> None:
        if all(each.sent_end and each.read_end for each in self._ways.values()):
            self.close()

    def truncated(self, way: Way) -> None:
        self._other(way).end_here()
        if not self._closed and self._timer is None:
            self._timer = self.loop.call_later(_LINGER_LIMIT, self.close)

    def wrote(self, way: Way) -> None:
        # A receiver that has closed answers further bytes with a reset. Its socket is no longer
        # read, so the reset is asked for: at once, and a little later for one that comes late.
        if self._other(way).read_end:
            self.loop.call_soon(self._look_for_reset, way)
            if self._late_look is None:
                self._late_look = self.loop.call_later(_LOOK_AGAIN, self._look_again, way)

    def _look_again(self, way: Way) -> None:
        self._late_look = None
        self._look_for_reset(way)

    def _look_for_reset(self, way: Way) -> None:
        if not self._closed:
            failed = way.target.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if failed:
                self.target_lost(way, OSError(failed, os.strerror(failed)))

    def source_reset(self, way: Way) -> None:
        self._gone.append(way.source)
        if way.sent_end:
            self.reset("its sender reset the connection")
            return
        self._other(way).abandon()
        way.pump()

    def target_lost(self, way: Way, error: OSError) -> None:
        if self._closed:
            return
        back = self._other(way).direction
        if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED):
            self._add("error", way.direction, note=f"sending: {error.strerror}")
        self._add("reset", back, offset=self._other(way).written, note="received")
        self._gone.append(way.target)
        self.reset("the other end is gone")

    # -- ending

    def reset(self, why: str) -> None:
        if self._closed:
            return
        at = self.trace.moment()
        ends: tuple[tuple[Direction, socket.socket | None], ...]
        ends = (("to_client", self._client), ("to_server", self._server))
        told: list[Direction] = []
        for direction, sock in ends:
            if sock is not None and sock not in self._gone:
                _option(sock, socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                told.append(direction)
        with self.trace.indivisible():
            self._let_go()
            for direction in told:
                offset, note = self._sent(direction), f"sent: {why}"
                self._add("reset", direction, offset=offset, note=note, at=at)
            self._say_closed()

    def close(self, why: str = "") -> None:
        """Let go of both sockets. why: what the trace says about it."""
        if not self._closed:
            with self.trace.indivisible():
                self._let_go()
                self._say_closed(why)

    def _let_go(self) -> None:
        self._closed = True
        for timer in (self._timer, self._late_look):
            if timer is not None:
                timer.cancel()
        for way in self._ways.values():
            way.close()
        if self._server is not None:
            self.loop.remove_writer(self._server)  # if it was still connecting
            self._server.close()
        self._client.close()
        del self._relay.joined[self.number]

    def _say_closed(self, why: str = "") -> None:
        passed = f"{self._sent('to_server'):,} bytes to the server, "
        passed += f"{self._sent('to_client'):,} to the client"
        self._add("close", note=f"{passed}; {why}" if why else passed)

    # -- small things

    def view(self) -> Connection:
        return Connection(
            self.number,
            self._client_address,
            self._near,
            self._server_address,
            self._sent("to_server"),
            self._sent("to_client"),
        )

    def _sent(self, direction: Direction) -> int:
        return self._ways[direction].written if self._ways else 0

    def _add(
        self,
        kind: str,
        direction: Direction | None = None,
        *,
        offset: int = 0,
        note: str = "",
        at: float | None = None,
    ) -> None:
        self.trace.add(
            self.name,
            kind,
            connection=self.number,
            direction=direction,
            offset=offset,
            note=note,
            at=at,
        )

    def _other(self, way: Way) -> Way:
        return self._ways["to_client" if way.direction == "to_server" else "to_server"]


def _option(sock: socket.socket, level: int, name: int, value: int | bytes) -> None:
    # macOS refuses options on a connection that the other side has reset. Then reading or writing
    # tells of the reset, which is all that is left of the connection.
    with contextlib.suppress(OSError):
        sock.setsockopt(level, name, value)
