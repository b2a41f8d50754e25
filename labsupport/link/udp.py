"""A relay of datagrams: one socket towards all clients, one towards the server for each client.

A client is known by its address. Its first datagram opens a socket that is connected to the server,
so that the server sees one address for each client and its replies find their way back. That is a
"connection" of the trace, although UDP has none. Datagrams are numbered from 0 in each direction of
it, in the order in which they reach the link, and `schedule.fate` decides on them by number.

Datagrams with different holds overtake each other. A swapped datagram waits for the next that
leaves in its direction; if none comes for `SWAP_LIMIT` seconds it leaves alone.

The link's own sockets can overflow, as any UDP socket can: a burst that comes faster than the link
reads is lost without a fault. On Linux the kernel counts these (SO_RXQ_OVFL, socket(7)) and the
trace tells of them.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any

from labsupport.link.faults import DIRECTIONS, UdpFaults
from labsupport.link.schedule import Dice, fate
from labsupport.link.tcp import Connection, Target
from labsupport.trace import Direction, Trace

__all__ = ["MOST_CLIENTS", "SWAP_LIMIT", "UdpRelay"]

MOST_CLIENTS = 1000
"""Clients that are known at once; a further one takes the place of the longest silent one."""

SWAP_LIMIT = 1.0
"""Seconds that a swapped datagram waits for the next."""

_LARGEST = 65_535
_READS_AT_ONCE = 64
_WANTED_BUFFERS = (4 << 20, 1 << 20, 1 << 18)  # bytes; the first that the system accepts
_SO_RXQ_OVFL = 40 if sys.platform == "linux" else None


class UdpRelay:
    """The socket towards the clients, and all clients. Every method runs in the loop's thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        trace: Trace,
        name: str,
        seed: int | str,
        faults: dict[Direction, UdpFaults],
    ) -> None:
        self.loop = loop
        self.trace = trace
        self.name = name
        self.seed = seed
        self.faults = dict(faults)
        self.clients: dict[Any, _Client] = {}  # the longest silent one first
        self._target: Target | None = None
        self._near: _Datagrams | None = None

    def start(self, targets: Sequence[Target]) -> Any:
        """Open the socket for clients on loopback; its address. The first target is the server."""
        self._target = family, _ = targets[0]
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self._near = _Datagrams(self, sock, self._from_client)
        return sock.getsockname()

    def change(self, faults: dict[Direction, UdpFaults]) -> None:
        """Use these faults for all datagrams that come from now on."""
        self.faults = dict(faults)

    def stop(self) -> None:
        """Close all sockets; datagrams that are held are lost."""
        for client in list(self.clients.values()):
            client.close("the link was stopped")
        if self._near is not None:
            self._near.close()

    def ending(self) -> bool:
        """Whether something is about to end: never, since datagrams have no end."""
        return False

    def connections(self) -> tuple[Connection, ...]:
        """The clients that are known now."""
        return tuple(client.view() for client in self.clients.values())

    def to_client(self, data: bytes, address: Any) -> None:
        """Send to a client."""
        assert self._near is not None
        self._near.sock.sendto(data, address)

    def say(self, kind: str, note: str) -> None:
        """Add an event that belongs to no connection."""
        self.trace.add(self.name, kind, connection=0, note=note)

    def _from_client(self, data: bytes, address: Any) -> None:
        assert self._target is not None
        client = self.clients.pop(address, None)
        if client is None:
            if len(self.clients) >= MOST_CLIENTS:
                next(iter(self.clients.values())).close("silent for longest of too many clients")
            client = _Client(self, address, self._target)
        self.clients[address] = client  # now the last one: it was not silent
        client.ways["to_server"].came(data)


class _Client:
    """One client and the socket that stands for it towards the server."""

    def __init__(self, relay: UdpRelay, address: Any, target: Target) -> None:
        self.relay = relay
        self.number = relay.trace.next_connection(relay.name)
        self._address = address
        family, self._server_address = target
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.connect(self._server_address)
        self._near = sock.getsockname()
        self._server = _Datagrams(relay, sock, self._from_server)
        self.ways: dict[Direction, _Way] = {
            "to_server": _Way(self, "to_server", sock.send),
            "to_client": _Way(self, "to_client", lambda data: relay.to_client(data, address)),
        }
        self.add("open")
        for direction in DIRECTIONS:
            if not relay.faults[direction].harmless:
                self.add("fault", direction=direction, note=str(relay.faults[direction]))

    def close(self, why: str) -> None:
        for way in self.ways.values():
            way.close()
        self._server.close()
        self.add("close", note=why)
        del self.relay.clients[self._address]

    def view(self) -> Connection:
        sent = (self.ways[direction].sent_bytes for direction in DIRECTIONS)
        return Connection(self.number, self._address, self._near, self._server_address, *sent)

    def add(
        self,
        kind: str,
        *,
        direction: Direction | None = None,
        data: bytes = b"",
        offset: int = 0,
        note: str = "",
        at: float | None = None,
    ) -> None:
        self.relay.trace.add(
            self.relay.name,
            kind,
            connection=self.number,
            direction=direction,
            data=data,
            offset=offset,
            note=note,
            at=at,
        )

    def _from_server(self, data: bytes, address: Any) -> None:
        self.ways["to_client"].came(data)


class _Way:
    """One direction: numbers, fates, holds, the swap."""

    def __init__(
        self, client: _Client, direction: Direction, send: Callable[[bytes], object]
    ) -> None:
        self.sent_bytes = 0
        self._client = client
        self._loop = client.relay.loop
        self._direction: Direction = direction
        self._send = send
        self._dice = Dice(client.relay.seed, client.number, direction)
        self._number = 0
        self._held: set[asyncio.TimerHandle] = set()
        self._swapped: tuple[int, bytes, int] | None = None
        self._alone: asyncio.TimerHandle | None = None

    def came(self, data: bytes) -> None:
        """Take the next datagram, and send, hold or lose it."""
        number, self._number = self._number, self._number + 1
        self._add("datagram", number, data=data, note="received")
        faults = self._client.relay.faults[self._direction]
        its = fate(faults, self._dice, number, data)
        if its.what:
            self._add("fault", number, note=f"datagram {number}: {'; '.join(its.what)}")
        if its.copies == 0:
            return
        if its.hold == 0:
            self._due(number, its.data, its.copies, its.swapped)
            return

        def leave() -> None:
            self._held.discard(timer)
            self._due(number, its.data, its.copies, its.swapped)

        timer = self._loop.call_later(its.hold, leave)
        self._held.add(timer)

    def close(self) -> None:
        for timer in self._held:
            timer.cancel()
        if self._alone is not None:
            self._alone.cancel()

    def _due(self, number: int, data: bytes, copies: int, swapped: bool) -> None:
        if swapped and self._swapped is None:
            self._swapped = number, data, copies
            self._alone = self._loop.call_later(SWAP_LIMIT, self._leave_alone)
            return
        self._leave(number, data, copies)
        if self._swapped is not None:
            self._leave_swapped()

    def _leave_alone(self) -> None:
        assert self._swapped is not None
        number = self._swapped[0]
        note = f"datagram {number}: no other came in {SWAP_LIMIT:g} s to swap with"
        self._add("fault", number, note=note)
        self._leave_swapped()

    def _leave_swapped(self) -> None:
        assert self._swapped is not None
        assert self._alone is not None
        self._alone.cancel()
        waiting, self._swapped = self._swapped, None
        self._leave(*waiting)

    def _leave(self, number: int, data: bytes, copies: int) -> None:
        for copy in range(copies):
            trace = self._client.relay.trace
            try:
                with trace.indivisible():
                    at = trace.moment()
                    self._send(data)
                    note = "sent again" if copy else "sent"
                    self._add("datagram", number, data=data, note=note, at=at)
            except OSError as error:  # the socket's buffer is full, or the server's port is closed
                note = f"datagram {number} was not sent: {error.strerror}"
                self._add("error", number, note=note)
                return
            self.sent_bytes += len(data)

    def _add(
        self, kind: str, number: int, *, data: bytes = b"", note: str, at: float | None = None
    ) -> None:
        self._client.add(
            kind, direction=self._direction, data=data, offset=number, note=note, at=at
        )


class _Datagrams:
    """A socket that is read in the loop."""

    def __init__(
        self, relay: UdpRelay, sock: socket.socket, deliver: Callable[[bytes, Any], None]
    ) -> None:
        self.sock = sock
        self._relay = relay
        self._deliver = deliver
        self._overflowed = 0
        sock.setblocking(False)
        for size in _WANTED_BUFFERS:
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
                break
            except OSError:  # more than this system allows (macOS); Linux takes what it allows
                continue
        if _SO_RXQ_OVFL is not None:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        relay.loop.add_reader(sock, self._readable)

    def close(self) -> None:
        self._relay.loop.remove_reader(self.sock)
        self.sock.close()

    def _readable(self) -> None:
        for _ in range(_READS_AT_ONCE):
            if self.sock.fileno() == -1:  # closed by what was delivered
                return
            try:
                data, address = self._receive()
            except BlockingIOError:
                return
            except OSError as error:
                # An answer that a port is closed (ICMP, RFC 1122 4.1.3.3) is reported on reading.
                self._relay.say("error", f"an earlier datagram was refused: {error.strerror}")
                return
            self._deliver(data, address)

    def _receive(self) -> tuple[bytes, Any]:
        if _SO_RXQ_OVFL is None:
            return self.sock.recvfrom(_LARGEST)
        data, ancillary, _, address = self.sock.recvmsg(_LARGEST, socket.CMSG_SPACE(4))
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == _SO_RXQ_OVFL:
                total = struct.unpack("=I", value)[0]
                if total > self._overflowed:
                    lost = total - self._overflowed
                    self._relay.say("error", f"the link's own socket overflowed: {lost} lost")
                    self._overflowed = total
        return data, address
