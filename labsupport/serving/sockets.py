"""Sockets for server functions, which another thread can wake.

A function that blocks in accept or recvfrom has to be woken when its server stops. Closing the
socket does not do that (close(2) on Linux leaves the blocked call waiting), and shutting down a
listener wakes accept on Linux only. What works everywhere is to give the call what it waits for:
a connection, or an empty datagram, from the stopping side. The woken call sees that its socket
is `stopping` and raises OSError (ECANCELED) instead of returning. A function that catches this
and calls again is ended by SystemExit, so that `except OSError: continue` cannot spin.

A `Listener` also knows the connections it accepted, and shuts them down: that wakes a blocked
recv (end of the stream) and a blocked send (EPIPE) on every platform.

When a socket's descriptor was taken over by another object (`detach`, as recording sockets and
TLS do), these classes no longer see its calls. Then the sockets of this process that stand on the
server's address are shut down through its descriptors, where the system lists them. Of a listener
or a UDP socket, and elsewhere of all, the object is looked up, too: its next call must not wait.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import ipaddress
import os
import socket
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

from .errors import CannotStart
from .routing import route

__all__ = [
    "DatagramSocket",
    "Listener",
    "Transport",
    "free_port",
    "loopback_family",
    "open_datagram",
    "open_listener",
]

Transport = Literal["tcp", "udp"]

_DESCRIPTORS = Path("/dev/fd")  # those of this process; Windows has no such list
_POKE_TIMEOUT = 0.1  # seconds; loopback needs less than one millisecond

P = ParamSpec("P")
T = TypeVar("T")


class _Wakeable(socket.socket):
    """A bound socket whose blocked calls end when it is told that the server stops."""

    def __init__(self, opened: socket.socket) -> None:
        self.stopping = False
        self.moved = False
        self._refused: set[int] = set()
        super().__init__(opened.family, opened.type, opened.proto, fileno=opened.detach())
        self._bound_to = self.getsockname()

    def detach(self) -> int:
        """Give the descriptor away, as socket.detach; stopping will search for its new owner."""
        self.moved = True
        return super().detach()

    def stop_waiting(self) -> None:
        """Wake whoever waits for this socket, and let nobody wait for it again."""
        self.stopping = True
        if (self.moved and self.stop_moved()) or self.fileno() != -1:
            self._poke()

    def stop_moved(self) -> bool:
        """Shut down the sockets on this address that were made from given-away descriptors.

        Return whether there was one that still listens, or is a UDP socket.
        """
        if _DESCRIPTORS.is_dir() and not any(
            [_shut_if_bound_to(each, self._bound_to) for each in _by_descriptor()]
        ):
            return False
        # An object refers to its class: in a process with a million objects this takes a tenth of
        # the time that a look at each of them does. It is long still: who waits has been woken.
        near = gc.get_referrers(*_classes_below(socket.socket))
        # type() and not isinstance(): the latter runs code of proxies and mock objects.
        sockets = [each for each in near if issubclass(type(each), socket.socket)]
        return any([_shut_if_bound_to(each, self._bound_to) for each in sockets])

    def _poke(self) -> None:
        """Give one blocked call what it waits for."""
        raise NotImplementedError

    def _refuse_when_stopping(self) -> None:
        if not self.stopping:
            return
        if self.fileno() != -1:
            self._poke()  # several threads may wait for this socket: each wakes the next one
        this_thread = threading.get_ident()
        if this_thread in self._refused:
            raise SystemExit
        self._refused.add(this_thread)
        raise OSError(errno.ECANCELED, "the server is being stopped")


class Listener(_Wakeable):
    """A listening TCP socket that knows the connections accepted from it.

    Everything that a socket does works as usual. accept() raises OSError when the server stops.
    """

    def __init__(self, opened: socket.socket) -> None:
        super().__init__(opened)
        self._connections: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._gate = threading.Lock()

    def accept(self) -> tuple[socket.socket, Any]:
        """Wait for a connection, as socket.accept. Raises OSError when the server stops."""
        self._refuse_when_stopping()
        try:
            accepted, peer = super().accept()
        except OSError:
            self._refuse_when_stopping()
            raise
        route()
        connection = _Connection(accepted, self)
        with self._gate:
            if not self.stopping:
                self._connections.add(connection)
        if self.stopping:
            connection.close()
            self._refuse_when_stopping()
        return connection, peer

    def stop_waiting(self) -> None:
        """Wake a blocked accept and every blocked call on an accepted connection."""
        with self._gate:
            self.stopping = True
            connections = list(self._connections)
        super().stop_waiting()
        for connection in connections:
            _shut_down(connection)

    def close_connections(self) -> None:
        """Close what the server function accepted and left open."""
        for connection in list(self._connections):
            connection.close()

    def _poke(self) -> None:
        with socket.socket(self.family, socket.SOCK_STREAM) as poke:
            poke.settimeout(_POKE_TIMEOUT)
            # Refused: shut down already. Timed out: the backlog is full, so accept is not blocked.
            poke.connect_ex(self._bound_to)


class _Connection(socket.socket):
    """An accepted connection; it tells its listener when its descriptor is given away."""

    def __init__(self, accepted: socket.socket, listener: Listener) -> None:
        self._listener = listener
        timeout = accepted.gettimeout()
        super().__init__(accepted.family, accepted.type, accepted.proto, accepted.detach())
        self.settimeout(timeout)

    def detach(self) -> int:
        """Give the descriptor away, as socket.detach."""
        self._listener.moved = True
        return super().detach()


class DatagramSocket(_Wakeable):
    """A bound UDP socket. Receiving raises OSError when the server stops."""

    def recv(self, *args: Any) -> bytes:
        """Receive as socket.recv."""
        return self._received(super().recv, *args)

    def recvfrom(self, *args: Any) -> tuple[bytes, Any]:
        """Receive as socket.recvfrom."""
        return self._received(super().recvfrom, *args)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        """Receive as socket.recv_into."""
        return self._received(super().recv_into, *args, **kwargs)

    def recvfrom_into(self, *args: Any, **kwargs: Any) -> tuple[int, Any]:
        """Receive as socket.recvfrom_into."""
        return self._received(super().recvfrom_into, *args, **kwargs)

    if sys.platform != "win32":

        def recvmsg(self, *args: Any) -> tuple[bytes, list[tuple[int, int, bytes]], int, Any]:
            """Receive as socket.recvmsg."""
            return self._received(super().recvmsg, *args)

        def recvmsg_into(self, *args: Any) -> tuple[int, list[tuple[int, int, bytes]], int, Any]:
            """Receive as socket.recvmsg_into."""
            return self._received(super().recvmsg_into, *args)

    def _received(self, receive: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._refuse_when_stopping()
        received = receive(*args, **kwargs)
        route()
        self._refuse_when_stopping()
        return received

    def _poke(self) -> None:
        # A connected UDP socket takes datagrams from its peer only; shutdown wakes that one.
        _shut_down(self)
        with socket.socket(self.family, socket.SOCK_DGRAM) as poke:
            poke.sendto(b"", self._bound_to)


def _by_descriptor() -> Iterator[socket.socket]:
    """Each open socket of this process, for a moment, as an object that does not own it."""
    for name in os.listdir(_DESCRIPTORS):
        try:
            found = socket.socket(fileno=int(name))
        except OSError:
            continue  # it is no socket, or closed meanwhile
        try:
            yield found
        finally:
            found.detach()


def _classes_below(kind: type[socket.socket]) -> list[type[socket.socket]]:
    """A class and all that are made from it."""
    return [kind, *(each for below in kind.__subclasses__() for each in _classes_below(below))]


def _shut_down(connection: socket.socket) -> None:
    # ENOTCONN: the peer has reset it. EBADF: it is closed. Both are what was wanted.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def _shut_if_bound_to(found: socket.socket, address: tuple[Any, ...]) -> bool:
    """Shut down found if it stands on address; return whether it stands there unconnected.

    The calls go past overridden methods, so that recording sockets do not record them.
    """
    try:
        if found.fileno() == -1 or socket.socket.getsockname(found) != address:
            return False
    except OSError:
        return False  # closed meanwhile
    try:
        socket.socket.getpeername(found)
    except OSError:
        # A listener, or a UDP socket. Once woken, its next call must not block again.
        socket.socket.setblocking(found, False)
        if found.type == socket.SOCK_STREAM:
            _shut_down(found)
        return True
    _shut_down(found)
    return False


def loopback_family(host: str) -> socket.AddressFamily:
    """Return the family of a loopback host. Raises ValueError for any other host."""
    if host == "localhost":
        return socket.AF_INET
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if address is None or not address.is_loopback:
        raise ValueError(
            f"host {host!r} is not on this machine's loopback. The course's servers listen where "
            'only this machine reaches them: use "127.0.0.1" or "::1".'
        )
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def open_listener(host: str, backlog: int) -> socket.socket:
    """Return a socket that listens on host, at a port of the kernel's choice.

    backlog: connections that may wait for accept. Raises ValueError for a host that is not
    loopback, CannotStart where the machine does not have it (IPv6 may be switched off).
    """
    family = loopback_family(host)
    try:
        return socket.create_server((host, 0), family=family, backlog=backlog)
    except OSError as error:
        raise CannotStart(f"cannot listen on {host}: {error.strerror or error}.") from error


def open_datagram(host: str) -> socket.socket:
    """Return a UDP socket bound to host, at a port of the kernel's choice; raises as above."""
    opened = socket.socket(loopback_family(host), socket.SOCK_DGRAM)
    try:
        opened.bind((host, 0))
    except OSError as error:
        opened.close()
        raise CannotStart(f"cannot bind to {host}: {error.strerror or error}.") from error
    return opened


def free_port(host: str, transport: Transport) -> int:
    """Return a port of host that was free a moment ago; another program may take it first."""
    with open_datagram(host) if transport == "udp" else open_listener(host, 1) as probe:
        port: int = probe.getsockname()[1]
        return port
