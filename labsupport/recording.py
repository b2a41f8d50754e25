"""A socket that writes down what its owner and the kernel say to each other.

`record(sock, trace)` takes over the descriptor of a socket and returns a `RecordingSocket`, which
is a `socket.socket` in every respect: selectors, `with`, `makefile` and asyncio accept it. Each
call goes to the kernel as it is, and then an event is added to the trace: not what was asked for,
but what the kernel accepted or returned. So a `send` of 1,000 bytes of which the kernel took 700 is
an event with 700 bytes, and the end of a stream is an event although `recv` returned nothing.

What is given to the network is dated when the call began, what comes from it when the call
returned. Where the network takes it at once, the event is in the trace before anybody can see the
bytes. Two recording sockets, one at each end, may share a trace; equal offsets are then equal
bytes.

Not recorded: `recvmsg_into`, calls on a non-blocking socket that would have had to wait
(BlockingIOError), and what another process or an undecorated copy of the descriptor does. `sendall`
and `sendfile` are made of `send` calls here, so that a failure in the middle still says how much
was accepted.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

from labsupport.clock import Deadline
from labsupport.trace import Direction, Event, Trace

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

__all__ = ["RecordingSocket", "record"]

_RESET = (ConnectionResetError, ConnectionAbortedError)
_CONNECTING = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN)
_DONT_WAIT: int = getattr(socket, "MSG_DONTWAIT", 0)  # not on Windows
_FILE_CHUNK = 64 * 1024
_OPPOSITE: dict[Direction, Direction] = {"to_server": "to_client", "to_client": "to_server"}


def record(
    sock: socket.socket,
    trace: Trace,
    where: str = "client",
    *,
    sends: Direction | None = None,
    connection: int | None = None,
) -> RecordingSocket:
    """Take over a socket and return one that records; the given object is detached and unusable.

    where: who records: "client", "server", or a name of your own.
    sends: the direction of what this socket sends; without it "to_client" for "server", else
        "to_server".
    connection: the number of the connection in the trace; without it they are counted in the order
        in which this `where` opens them. Connections opened at the same time may then be numbered
        differently at their two ends.

    A socket that is connected already adds an "open" event. A listener records nothing itself, but
    what it accepts. Raises TypeError for a TLS socket, whose bytes on the wire are others, and
    ValueError for a closed socket.
    """
    if isinstance(sock, ssl.SSLSocket):
        raise TypeError("a TLS socket cannot be recorded: record the plain socket below it")
    if sock.fileno() == -1:
        raise ValueError("this socket is closed, so there is nothing to record")
    family, kind, protocol, timeout = sock.family, sock.type, sock.proto, sock.gettimeout()
    recording = RecordingSocket(family, kind, protocol, fileno=sock.detach())
    recording.settimeout(timeout)
    recording._begin(trace, where, sends, connection)
    return recording


class RecordingSocket(socket.socket):
    """A socket whose traffic is in `trace`. Made by `record`."""

    trace: Trace
    where: str
    sends: Direction

    def _begin(
        self, trace: Trace, where: str, sends: Direction | None, connection: int | None
    ) -> None:
        self.trace = trace
        self.where = where
        self.sends = sends or ("to_client" if where == "server" else "to_server")
        self._connection = connection
        self._datagrams = bool(self.type == socket.SOCK_DGRAM)
        self._peers: dict[object, int] = {}
        self._offsets: dict[tuple[int, bool], int] = {}
        self._counting = threading.Lock()
        try:
            self.getpeername()
        except OSError:
            return
        self._opened()

    @property
    def connection(self) -> int:
        """The number of this connection in the trace; 0 before it is opened."""
        return self._connection or 0

    # -- opening and closing

    def connect(self, address: Any, /) -> None:
        try:
            super().connect(address)
        except BlockingIOError:
            raise
        except OSError as error:
            self._failed("connect", error)
            raise
        self._opened()

    def connect_ex(self, address: Any, /) -> int:
        result = super().connect_ex(address)
        if result == 0:
            self._opened()
        elif result not in _CONNECTING:
            name = errno.errorcode.get(result, str(result))
            self._add("error", None, note=f"{name} in connect_ex")
        return result

    def accept(self) -> tuple[RecordingSocket, Any]:
        try:
            accepted, address = super().accept()
        except TimeoutError as error:
            self._failed("accept", error)
            raise
        recorded = record(
            accepted, self.trace, self.where, sends=self.sends, connection=self._connection
        )
        return recorded, address

    def shutdown(self, how: int, /) -> None:
        with self.trace.indivisible():
            at = self.trace.moment()
            super().shutdown(how)
            if how == socket.SHUT_RD:
                self._add("state", self.sends, note="shutdown(SHUT_RD): it reads no more", at=at)
            else:
                self._add("eof", self.sends, offset=self._end(sending=True), at=at)

    def close(self) -> None:
        if self.fileno() == -1 or self._connection is None:
            super().close()
            return
        with nullcontext() if self._lingers() else self.trace.indivisible():
            at = self.trace.moment()
            super().close()
            still = self.fileno() != -1
            note = "later: a file made by makefile() holds the socket" if still else ""
            self._add("close", self.sends, offset=self._end(sending=True), note=note, at=at)

    def _lingers(self) -> bool:
        """Whether close() may wait (SO_LINGER with some seconds, socket(7))."""
        size = 4 if os.name == "nt" else 8
        form = "hh" if os.name == "nt" else "ii"
        on, seconds = struct.unpack(
            form, self.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, size)
        )
        return bool(on and seconds)

    # -- sending

    def send(self, data: ReadableBuffer, flags: int = 0, /) -> int:
        def give(part: ReadableBuffer, more: int) -> int:
            return socket.socket.send(self, part, flags | more)

        return self._give("send", data, give)

    def sendall(self, data: ReadableBuffer, flags: int = 0, /) -> None:
        """Send everything. A timeout is that of the whole call, as the library documents it."""
        timeout = self.gettimeout()
        deadline = Deadline(timeout) if timeout else None
        with memoryview(data) as view, view.cast("B") as rest:
            done = 0
            while True:
                if deadline is not None and not _writable(self, deadline.left()):
                    error = TimeoutError("timed out")
                    self._failed("sendall", error)
                    raise error
                done += self.send(rest[done:], flags)
                if done >= len(rest):
                    return

    def sendto(self, data: ReadableBuffer, *rest: Any) -> int:
        *flags, address = rest

        def give(part: ReadableBuffer, more: int) -> int:
            return socket.socket.sendto(self, part, sum(flags) | more, address)

        return self._give("sendto", data, give, peer=address)

    def sendmsg(
        self,
        buffers: Iterable[ReadableBuffer],
        ancdata: Any = (),
        flags: int = 0,
        address: Any = None,
        /,
    ) -> int:
        parts = [bytes(part) for part in buffers]
        at = self.trace.moment()
        with self.trace.indivisible() if self.gettimeout() == 0 else nullcontext():
            try:
                accepted = super().sendmsg(parts, ancdata, flags, address)
            except OSError as error:
                self._failed("sendmsg", error)
                raise
            self._sent(b"".join(parts), accepted, at, peer=address)
        return accepted

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        """Send a file by reads and sends, since os.sendfile would pass the recorder by."""
        if count is not None and count <= 0:
            raise ValueError(f"count must be a positive integer (got {count!r})")
        if offset:
            file.seek(offset)
        done = 0
        while count is None or done < count:
            room = _FILE_CHUNK if count is None else min(_FILE_CHUNK, count - done)
            chunk = file.read(room)
            if not chunk:
                break
            self.sendall(chunk)
            done += len(chunk)
        return done

    def _give(
        self,
        name: str,
        data: ReadableBuffer,
        give: Callable[[ReadableBuffer, int], int],
        *,
        peer: object = None,
    ) -> int:
        """Send as a plain socket would, and add the event in one step where nothing waits.

        give: the plain call, with the data and flags to add.
        """
        at = self.trace.moment()
        timeout = self.gettimeout()
        try:
            if timeout is None:
                return self._give_all(data, give, at, peer)
            if timeout and not _writable(self, timeout):
                raise TimeoutError("timed out")
            with self.trace.indivisible():
                accepted = give(data, 0)
                self._sent(data, accepted, at, peer=peer)
            return accepted
        except OSError as error:
            self._failed(name, error)
            raise

    def _give_all(
        self,
        data: ReadableBuffer,
        give: Callable[[ReadableBuffer, int], int],
        at: float,
        peer: object,
    ) -> int:
        """Without a timeout: try without waiting; if something is left over, wait for it."""
        done = 0
        with memoryview(data) as view, view.cast("B") as whole:
            if _DONT_WAIT:
                with self.trace.indivisible(), suppress(BlockingIOError):
                    done = give(whole, _DONT_WAIT)
                    if done == len(whole):
                        self._sent(data, done, at, peer=peer)
                        return done
            try:
                done += give(whole[done:], 0)
            except OSError:
                if not done:
                    raise
                # The kernel too reports the part that it accepted; the failure comes next time.
            finally:
                if done:
                    self._sent(data, done, at, peer=peer)
        return done

    # -- receiving

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        try:
            data = super().recv(size, flags)
        except OSError as error:
            self._failed("recv", error)
            raise
        self._received(data, size, flags)
        return data

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        try:
            count = super().recv_into(buffer, nbytes, flags)
        except OSError as error:
            self._failed("recv_into", error)
            raise
        self._received(_head(buffer, count), nbytes or memoryview(buffer).nbytes, flags)
        return count

    def recvfrom(self, size: int, flags: int = 0, /) -> tuple[bytes, Any]:
        try:
            data, address = super().recvfrom(size, flags)
        except OSError as error:
            self._failed("recvfrom", error)
            raise
        self._received(data, size, flags, peer=address)
        return data, address

    def recvfrom_into(
        self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0
    ) -> tuple[int, Any]:
        try:
            count, address = super().recvfrom_into(buffer, nbytes, flags)
        except OSError as error:
            self._failed("recvfrom_into", error)
            raise
        room = nbytes or memoryview(buffer).nbytes
        self._received(_head(buffer, count), room, flags, peer=address)
        return count, address

    def recvmsg(
        self, size: int, ancbufsize: int = 0, flags: int = 0, /
    ) -> tuple[bytes, list[Any], int, Any]:
        try:
            message = super().recvmsg(size, ancbufsize, flags)
        except OSError as error:
            self._failed("recvmsg", error)
            raise
        self._received(message[0], size, flags, peer=message[3])
        return message

    # -- writing it down

    def _opened(self, at: float | None = None) -> int:
        if self._connection is None:
            self._connection = self.trace.next_connection(self.where)
        self._add("open", None, at=at)
        return self._connection

    def _sent(self, data: ReadableBuffer, accepted: int, at: float, *, peer: object = None) -> None:
        taken = _head(data, accepted)
        offered = memoryview(data).nbytes
        number = self._number(peer, at)
        if self._datagrams:
            offset = self._advance(number, sending=True, by=1)
            self._add(
                "datagram", self.sends, data=taken, offset=offset, note="sent", number=number, at=at
            )
        elif taken:
            offset = self._advance(number, sending=True, by=accepted)
            note = "" if accepted == offered else f"of {offered:,} offered"
            self._add(
                "sent", self.sends, data=taken, offset=offset, note=note, number=number, at=at
            )

    def _received(self, data: bytes, room: int, flags: int, *, peer: object = None) -> None:
        incoming = _OPPOSITE[self.sends]
        number = self._number(peer)
        if flags & socket.MSG_PEEK:
            self._add("state", incoming, note=f"peeked at {len(data):,} bytes", number=number)
        elif self._datagrams:
            offset = self._advance(number, sending=False, by=1)
            self._add(
                "datagram", incoming, data=data, offset=offset, note="received", number=number
            )
        elif data:
            offset = self._advance(number, sending=False, by=len(data))
            self._add("received", incoming, data=data, offset=offset, number=number)
        elif room:
            self._add("eof", incoming, offset=self._end(sending=False), number=number)

    def _failed(self, call: str, error: OSError) -> None:
        if isinstance(error, BlockingIOError):
            return
        if isinstance(error, _RESET):
            self._add("reset", _OPPOSITE[self.sends], note=f"{type(error).__name__} in {call}")
        elif isinstance(error, TimeoutError):
            timeout = self.gettimeout()
            limit = "the system's limit" if timeout is None else f"{timeout:g} s"
            self._add("timeout", None, note=f"{call} waited {limit}")
        else:
            self._add("error", None, note=f"{type(error).__name__} in {call}")

    def _number(self, peer: object, at: float | None = None) -> int:
        """The connection's number; datagrams of different peers count as different connections."""
        if self._connection is not None:
            return self._connection
        if not self._datagrams:  # a connect that did not wait is known to have succeeded by now
            return self._opened(at)
        with self._counting:
            if peer not in self._peers:
                self._peers[peer] = self.trace.next_connection(self.where)
            return self._peers[peer]

    def _advance(self, number: int, *, sending: bool, by: int) -> int:
        with self._counting:
            before = self._offsets.get((number, sending), 0)
            self._offsets[number, sending] = before + by
        return before

    def _end(self, *, sending: bool) -> int:
        return self._offsets.get((self._connection or 0, sending), 0)

    def _add(
        self,
        kind: str,
        direction: Direction | None,
        *,
        data: bytes = b"",
        offset: int = 0,
        note: str = "",
        number: int | None = None,
        at: float | None = None,
    ) -> Event:
        return self.trace.add(
            self.where,
            kind,
            connection=self.connection if number is None else number,
            direction=direction,
            data=data,
            offset=offset,
            note=note,
            at=at,
        )


def _head(buffer: ReadableBuffer, count: int) -> bytes:
    """The first bytes of any buffer, as a copy."""
    with memoryview(buffer) as view, view.cast("B") as flat:
        return bytes(flat[:count])


def _writable(sock: socket.socket, seconds: float) -> bool:
    """Wait until the socket takes bytes; False when it did not within that many seconds."""
    if hasattr(select, "poll"):  # not on Windows; select() there has no limit on the descriptor
        poller = select.poll()
        poller.register(sock, select.POLLOUT)
        return bool(poller.poll(seconds * 1000))
    return bool(select.select([], [sock], [], seconds)[1])
