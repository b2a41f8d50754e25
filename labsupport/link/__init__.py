"""A cable that can be watched and damaged: a relay in front of a TCP or UDP server.

    with Link(server, cut=1) as link:
        client = socket.create_connection(link.address)
        ...
        print(link.trace.ladder_text())

A `Link` runs in its own thread, records both directions in its `trace`, and can delay, cut, merge,
corrupt or end them. Faults are decided by the seed, the number of the connection, the direction and
the byte offset (or datagram number) alone, so the same seed and the same bytes give the same faults
on a busy machine; `labsupport.link.schedule` has the rules.

What it is not: it sees its own reads, which are neither the sender's sends nor the receiver's reads
nor segments. A client's connection to the link succeeds before the server is asked, so a refusal
becomes a reset. And its buffers add to those of the two ends: up to 64 KiB in each direction (1 MiB
with `delay`, `jitter`, `retransmit_delay`, `merge` or larger pieces of `cut`) and those of its two
sockets in the kernel.

Modules: `faults` (names and values), `schedule` (what they do, without I/O), `way` (one direction
of a TCP connection) over `waiting` (its bytes), `tcp` and `udp` (the relays), `causal` (has the
receiver read it?), `loop` (the thread).
"""

from __future__ import annotations

import socket
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Literal, Protocol, runtime_checkable

from labsupport.clock import poll
from labsupport.link import causal
from labsupport.link.faults import (
    DIRECTIONS,
    FaultError,
    NotOnThisTransport,
    TcpFaults,
    UdpFaults,
)
from labsupport.link.loop import LoopThread
from labsupport.link.tcp import Connection, Target, TcpRelay
from labsupport.link.udp import UdpRelay
from labsupport.trace import Direction, Trace

__all__ = ["Connection", "FaultError", "Link", "NotOnThisTransport"]


@runtime_checkable
class HasAddress(Protocol):
    """A server's handle, or another link."""

    @property
    def address(self) -> tuple[str, int]: ...


_SETTLE = 0.25  # seconds

Destination = tuple[str, int] | HasAddress


class Link:
    """A relay in front of a server, with faults.

    to: where the server is: (host, port) or anything with `.address`. Without it the link is only
        configured, and `start` opens it. The server need not be running yet.
    transport: "tcp" or "udp".
    seed: decides whatever is drawn: a whole number or a text.
    name: who recorded the link's events (`where` in the trace).
    trace: where to record; without it, a new trace. Recording sockets at the ends may share it.
    to_server, to_client: faults of one direction, as a dict; they go before those of both.
    faults: of both directions. Offsets count bytes from the start of that direction of each
        connection.

    TCP: `delay` and `jitter` in seconds; `rate` in bytes per second; `cut=n` or `cut=(n, m, ...)`
    in bytes, where the next piece leaves when the receiver has read the last (a begun piece waits
    20 ms for its rest when the sender pauses; a receiver that leaves a piece unread for 2 s gets
    the next one anyway); `merge=n` holds bytes until n have come, or the end; `stall=offset` holds
    everything from there until `release`; `truncate=offset` drops the rest and ends both
    directions; `half_close=offset` drops the rest and ends this direction; `reset=offset` resets
    both ends when the receiver has read what came before; `corrupt=offset` or offsets inverts one
    bit; `retransmit_delay=offset` or offsets holds the bytes from there back for `rto` seconds
    (0.2), as a lost segment would: modelled.

    UDP: `delay`, `jitter`; `truncate=n` leaves n bytes of each datagram; `lose`, `duplicate`,
    `reorder` (swapped with the next), `corrupt` take a probability (a float) or datagram numbers.

    Raises FaultError (a ValueError) for an unknown fault or a bad value, NotOnThisTransport (a
    FaultError) for one that this transport cannot have, and what `start` raises.

    A context manager that stops at its end. A link that is no longer referred to stops too.
    """

    def __init__(
        self,
        to: Destination | None = None,
        *,
        transport: Literal["tcp", "udp"] = "tcp",
        seed: int | str = 0,
        name: str = "link",
        trace: Trace | None = None,
        to_server: Mapping[str, Any] | None = None,
        to_client: Mapping[str, Any] | None = None,
        **faults: Any,
    ) -> None:
        if transport not in ("tcp", "udp"):
            raise FaultError(f'transport={transport!r}: a link carries "tcp" or "udp"')
        self.transport = transport
        self.seed = seed
        self.name = name
        self.trace = Trace() if trace is None else trace
        one_way: dict[Direction, Mapping[str, Any]] = {
            "to_server": to_server or {},
            "to_client": to_client or {},
        }
        nothing: TcpFaults | UdpFaults = TcpFaults() if transport == "tcp" else UdpFaults()
        self._faults: dict[Direction, Any] = {
            direction: nothing.changed(**{**faults, **one_way[direction]})
            for direction in DIRECTIONS
        }
        self._changing = threading.RLock()
        self._running: _Running | None = None
        self._address: tuple[str, int] | None = None
        self._to: tuple[str, int] | None = None
        self._stopped = False
        if to is not None:
            self.start(to)

    # -- running

    def start(self, to: Destination) -> Link:
        """Open the link to a server, and return it.

        The server need not be running: each client's connection is connected on its own. A name is
        looked up now; its addresses are tried in order (UDP: the first one is used).

        Raises RuntimeError if the link runs or has run, OSError if the name is not known or no
        port can be opened.
        """
        with self._changing:
            if self._stopped:
                raise RuntimeError("this link was stopped: make a new Link")
            if self._running is not None:
                raise RuntimeError(f"this link runs already, to {self._to}: make another Link")
            self._to = _address(to)
            targets = _look_up(self._to, self.transport)
            self._running = running = _Running(self)
            try:
                address = running.thread.call(lambda: running.relay.start(targets))
            except BaseException:
                self.stop()
                raise
            self._address = (address[0], address[1])
            weakref.finalize(self, running.stop)
        return self

    def stop(self) -> None:
        """Close the listener and all connections and end the thread, within 5 seconds.

        A connection that one side has ended already gets 0.25 s to end as the two sides want it, so
        that a client that closes just before leaves the same trace each time. Stopping again does
        nothing. The trace stays. Raises RuntimeError if the thread would not end.
        """
        with self._changing:
            self._stopped = True
            running, self._running = self._running, None
        if running is not None:
            running.settle()
            running.stop()

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    # -- faults

    def change(self, direction: Direction | None = None, **faults: Any) -> None:
        """Set faults while the link runs; None clears one. Others stay as they are.

        direction: "to_server" or "to_client"; without it both.

        Every byte that has not left the link is concerned, on all connections, and so are later
        connections; it is done when this returns. An offset that is already passed acts at the
        next byte, so `change(reset=0)` resets now; but `corrupt` and `retransmit_delay` do nothing
        there. Datagrams that are held already keep their fate.

        Raises FaultError like the constructor.
        """
        if direction is not None and direction not in DIRECTIONS:
            raise FaultError(
                f'direction={direction!r}: it is "to_server" or "to_client", or left out for both'
            )
        with self._changing:
            changed = dict(self._faults)
            for each in DIRECTIONS if direction is None else (direction,):
                changed[each] = changed[each].changed(**faults)
            self._faults = changed
            if self._running is None:
                return
            words = ", ".join(f"{name}={value!r}" for name, value in faults.items())
            self.trace.add(
                self.name, "fault", connection=0, direction=direction, note=f"changed: {words}"
            )
            relay = self._running.relay
            self._running.thread.call(lambda: relay.change(changed))

    def release(self) -> None:
        """End a stall: what it holds leaves now. The same as `change(stall=None)`."""
        self.change(stall=None)

    @property
    def faults(self) -> dict[Direction, dict[str, Any]]:
        """The faults of each direction, as they were given."""
        return {direction: dict(self._faults[direction].given) for direction in DIRECTIONS}

    @property
    def causal(self) -> bool:
        """Whether cuts are causal: this machine can tell that a receiver has read.

        Where it is False, pieces leave at least 1 ms apart and may still be read together.
        """
        return self.transport == "tcp" and causal.available()

    # -- looking

    @property
    def address(self) -> tuple[str, int]:
        """(host, port) where clients connect. Raises RuntimeError before `start`."""
        if self._address is None:
            raise RuntimeError("this link is not started: call start(to) first, or give Link(to)")
        return self._address

    @property
    def host(self) -> str:
        """The host where clients connect."""
        return self.address[0]

    @property
    def port(self) -> int:
        """The port where clients connect."""
        return self.address[1]

    @property
    def running(self) -> bool:
        """Whether the link is started and not stopped."""
        return self._running is not None

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The connections (for UDP: the clients) that are open now."""
        with self._changing:
            running = self._running
            return running.thread.call(running.relay.connections) if running is not None else ()

    def __repr__(self) -> str:
        if self._to is None or self._address is None:
            where = "not started"
        else:
            where = f"{_written(self._address)} to {_written(self._to)}"
            if self._stopped:
                where += ", stopped"
        one, other = (str(self._faults[direction]) for direction in DIRECTIONS)
        if one == other:
            what = one or "no fault"
        else:
            what = f"to_server: {one or 'no fault'}; to_client: {other or 'no fault'}"
        return f"<{self.transport.upper()} link {self.name!r}, {where}; {what}>"


class _Running:
    """The thread, the relay and the probe of a started link; knows nothing of the Link itself."""

    def __init__(self, link: Link) -> None:
        self._probe = causal.ReadProbe() if link.causal else None
        self._stopping = threading.Lock()
        self.thread = LoopThread(f"{link.name}-relay")
        self.relay: TcpRelay | UdpRelay
        if link.transport == "tcp":
            self.relay = TcpRelay(
                self.thread.loop, link.trace, link.name, link.seed, link._faults, self._probe
            )
        else:
            self.relay = UdpRelay(self.thread.loop, link.trace, link.name, link.seed, link._faults)

    def settle(self) -> None:
        """Wait a little for connections that are about to end."""
        with suppress(TimeoutError):  # then they are closed as they are
            self.thread.call(lambda: None)  # a turn of the loop: it sees the ends that have come
            poll(
                lambda: not self.thread.call(self.relay.ending),
                deadline=_SETTLE,
                said="a connection did not end",
            )

    def stop(self) -> None:
        with self._stopping:
            self.thread.stop(self.relay.stop)
            if self._probe is not None:
                self._probe.close()


def _address(to: Destination) -> tuple[str, int]:
    """(host, port) of a destination in any of its forms."""
    address = to.address if isinstance(to, HasAddress) else to
    if (
        isinstance(address, tuple | list)
        and len(address) >= 2
        and isinstance(address[0], str)
        and isinstance(address[1], int)
        and 0 < address[1] < 65536
    ):
        return address[0], address[1]
    raise ValueError(
        f"a link leads to a (host, port) such as ('127.0.0.1', 8000), or to something with "
        f".address; got {to!r}"
    )


def _look_up(to: tuple[str, int], transport: str) -> list[Target]:
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    found = socket.getaddrinfo(*to, type=kind)
    families = (socket.AF_INET, socket.AF_INET6)
    return [(family, address) for family, _, _, _, address in found if family in families]


def _written(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
