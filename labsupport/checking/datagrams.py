"""The check's end of UDP: ports that send and receive datagrams.

    port = answer.port()                        # an answer that asks sends here
    stranger = answer.port("a stranger")        # another sender, drawn in the same ladder
    asked = asyncio.ensure_future(answer.call("ask", *port.address, b"?"))
    data, source = await port.recv(during=asked)
    data, source = await port.recv(during=asked, note="lost")   # the note is for the ladder
    await stranger.send(b"forged", source)
    await port.send(b"reply", source, note="late")
    await port.silence(0.3)                     # fails when something more comes
    sent = port.waiting()                       # all that has come and was not received yet
    with port.unrecorded():                     # not in the ladder: the same again and again
        await port.send(b"reply", source)

    async with answer.serving_datagrams() as peer:      # serve(host, port, stop)
        client = peer.client()
        await client.send(b"?", peer.address)
        data, source = await client.recv()

A `Port` is a real socket on 127.0.0.1, with a port of its own, in the answer's network. Each
operation is recorded when the check performs it, so that the ladder is the same on every run. On
loopback a datagram has arrived when its `send` returns: after a call of the answer has returned,
all that it sent is in `waiting`. Nothing is lost but by the check, or where a socket's buffer is
full; so a check sends at most some hundred datagrams without waiting for what comes back.

A `Link` may stand in front of a port or between the check and `serve`; then the ladder is the
link's, with what it lost, held and sent again. Ports are closed when the check ends.

`serve` is run, stopped and looked after as for TCP (`peers.serving`). It is ready when a UDP socket
is bound to its port, as the system tells it: no datagram is sent to find out.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from labsupport.checking.asserts import Mismatch, touched
from labsupport.checking.peers import (
    AFTERMATH,
    HOST,
    OURS,
    THEIRS,
    TIMEOUT,
    Serving,
    no_port,
    through,
    until_in,
)
from labsupport.checking.showing import show
from labsupport.trace import Direction, Trace

if TYPE_CHECKING:
    from labsupport.checking.remote import RemoteAnswer
    from labsupport.link import Link

__all__ = ["DatagramPeer", "Port"]

Address = tuple[str, int]

_LARGEST = 65_535
_BUFFER = 4 << 20  # bytes; a system that allows less gives less
_WAITING = 10_000  # datagrams that `waiting` returns at most


class Port:
    """A UDP socket of the check.

    trace: what it carried, with all other ports that share the trace. number: among them.
    link: stands in front of it. records: whether it records; behind a link the link does.
    at: where it is bound.
    """

    def __init__(
        self,
        answer: RemoteAnswer,
        side: Literal["client", "server"],
        name: str,
        trace: Trace,
        number: int,
        link: Link | None = None,
        records: bool = True,
        at: Address = (HOST, 0),
    ) -> None:
        try:
            self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.sock.setblocking(False)
            with contextlib.suppress(OSError):  # some systems refuse where others cut to the limit
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            self.sock.bind(at)
        except OSError as error:
            raise no_port(error.strerror or type(error).__name__) from None
        self.name = name
        self.number = number
        self.local: Address = self.sock.getsockname()
        self.trace = trace if link is None else link.trace
        self._answer = answer
        self._side = side
        self._link = link
        self._records = records and link is None
        self._numbers = {"sent": 0, "received": 0}
        self.address: Address = through(answer, link, self.local[1])
        """Where it is reached: behind a link this is the link's address."""
        answer.exchanges.append(self)

    def __repr__(self) -> str:
        return self.name or f"port {self.number}"

    def ladder(self) -> str:
        """What came and went, as the check saw it, or as the link did; empty for nothing."""
        if not len(self.trace):
            return ""
        client, server = (OURS, THEIRS) if self._side == "client" else (THEIRS, OURS)
        return self.trace.ladder_text(client=client, server=server)

    async def send(self, data: bytes, to: Address, *, note: str = "") -> None:
        """Send one datagram. note: what the ladder says of it."""
        touched.set(self)
        self._record("sent", data, note)
        await asyncio.get_running_loop().sock_sendto(self.sock, data, to)

    async def recv(
        self,
        *,
        timeout: float = TIMEOUT,
        during: asyncio.Future[Any] | None = None,
        said: str = "",
        expected: str = "a datagram",
        note: str = "",
    ) -> tuple[bytes, Address]:
        """The next datagram and where it came from; fails when none comes.

        during: the call of the answer that is to send it. When that ends and nothing has come, it
        is not waited for: what the call raised is raised here, or what it returned is said.
        said, expected: for the feedback then. note: what the check does with it, for the ladder.
        """
        found = await self._next(timeout, note, during)
        if found is not None:
            return found
        ended = during is not None and during.done()
        if during is None or not ended:
            self._record("timeout")
            got = f"nothing for {timeout:g} s"
        else:
            got = f"none; the call returned {show(during.result())}"
        raise Mismatch(
            said or "your answer sends no datagram",
            expected=expected,
            got=got,
            conn=self,
            waited=not ended,
        )

    async def silence(self, seconds: float = 0.3, *, said: str = "") -> None:
        """Wait so long, and fail when a datagram comes."""
        found = await self._next(seconds, "")
        if found is not None:
            raise Mismatch(
                said or "your answer sends a datagram that nobody waits for",
                expected=f"no datagram for {seconds:g} s",
                got=show(found[0]),
                conn=self,
            )

    def waiting(self, *, note: str = "") -> list[tuple[bytes, Address]]:
        """What has come and was not received yet, without waiting: datagrams and their sources."""
        found: list[tuple[bytes, Address]] = []
        while len(found) < _WAITING:
            try:
                data, source = self.sock.recvfrom(_LARGEST)
            except BlockingIOError:
                break
            except ConnectionError:  # Windows: an earlier datagram of ours found no socket
                continue
            found.append(self._took(data, source, note))
        return found

    @contextlib.contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Leave out of the ladder what is sent and received in this block. A check says so in the
        note of a datagram before it, such as "and so on"."""
        before, self._records = self._records, False
        try:
            yield
        finally:
            self._records = before

    def close(self) -> None:
        """Close the socket, and the link in front of it; a second close does nothing."""
        self.sock.close()
        if self._link is not None:
            self._link.stop()

    async def _next(
        self, seconds: float, note: str, during: asyncio.Future[Any] | None = None
    ) -> tuple[bytes, Address] | None:
        """The next datagram, or None when there is none for so long, or until that has ended."""
        touched.set(self)
        until = until_in(seconds)
        reading = asyncio.ensure_future(self._read())
        try:
            both = {reading} if during is None else {reading, during}
            await asyncio.wait(both, timeout=until.left(), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():  # what has arrived by now is read in the next turns of the loop
                await asyncio.wait({reading}, timeout=min(AFTERMATH, until.left()))
            return self._took(*reading.result(), note) if reading.done() else None
        finally:
            reading.cancel()

    async def _read(self) -> tuple[bytes, Address]:
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(ConnectionError):  # see `waiting`
                return await loop.sock_recvfrom(self.sock, _LARGEST)

    def _took(self, data: bytes, source: Address, note: str) -> tuple[bytes, Address]:
        self._answer.ports.add(source[1])
        self._record("received", data, note)
        return data, source

    def _record(self, moved: str, data: bytes = b"", note: str = "") -> None:
        if not self._records:
            return
        outwards: Direction = "to_server" if self._side == "client" else "to_client"
        inwards: Direction = "to_client" if self._side == "client" else "to_server"
        direction = outwards if moved == "sent" else inwards
        if moved == "timeout":
            self.trace.add(OURS, "timeout", connection=self.number, direction=direction)
            return
        number = self._numbers[moved]
        self._numbers[moved] += 1
        words = ", ".join(part for part in (moved, self.name, note) if part)
        self.trace.add(
            OURS, "datagram", connection=self.number, direction=direction, data=data,
            offset=number, note=words,
        )  # fmt: skip


class DatagramPeer(Serving):
    """A running serve(host, port, stop) of the answer that receives datagrams."""

    transport = socket.SOCK_DGRAM
    _ready_when = "a UDP socket is bound to that port"

    def __init__(
        self, answer: RemoteAnswer, link: Link | None, name: str, more: Sequence[Any]
    ) -> None:
        super().__init__(answer, link, name, more)
        self._trace = Trace() if link is None else link.trace
        self._ports: list[Port] = []

    def client(self, name: str = "") -> Port:
        """Open a port from which the check sends to `address`. name: what the ladder calls it."""
        number = len(self._ports) + 1
        port = Port(self._answer, "client", name, self._trace, number, records=self._link is None)
        self._ports.append(port)
        return port

    def _close(self) -> None:
        for port in self._ports:
            port.close()

    def _is_ready(self) -> bool:
        return bool(self._own_sockets())

    def _not_ready(self) -> tuple[str, str]:
        sockets = self._answer.open_sockets()
        got = "it has no UDP socket"
        if any(each.kind == "udp" and each.local and each.local[1] for each in sockets):
            got = "it has one that is bound to another port"
        elif any(each.state == "LISTEN" for each in sockets):
            got = "it listens for TCP connections"
        return "no UDP socket is bound to the port that your answer was given", got

    async def _socket_left(self) -> str:
        left = self._own_sockets() or not self._is_free()
        return "its socket is still open" if left else ""

    def _is_free(self) -> bool:
        """Whether the port can be bound: a process that the answer has set free may have it."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind((HOST, self.port))
            except OSError:
                return False
            return True
