"""Peers of an answer: the connections that a check opens, accepts, reads, cuts and resets.

A `Conn` is the check's end of a TCP connection: a real socket, with a timeout on every wait and
TCP_NODELAY, so that two sends are two segments unless the kernel has to wait. Each operation is
recorded when the check performs it, not when bytes happen to arrive, so that the ladder in the
feedback is the same on every run. When something else comes than the check waits for, the
operation raises `Mismatch` and says what came so far.

Three ways to meet an answer, each an async context manager of `RemoteAnswer`:
    serving    the answer runs serve(host, port, stop); the check connects. `stop` is a
               threading.Event, and an asyncio.Event where serve is an `async def`
    handling   the answer's handle(connection) is called for each accepted connection
    facing     the check listens, and runs a script for each connection that the answer opens
A `Link` may stand between. Leaving the block closes what the check left open, ends the answer's
part, and reports what went wrong there: a server has to serve until it is told to stop, and nothing
of it may be open when it has stopped. UDP is met in `datagrams`, whose server is run the same way.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import socket
import struct
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from labsupport.checking.asserts import Mismatch, apart, assert_that, patience, touched
from labsupport.checking.raised import AnswerRaised
from labsupport.checking.showing import count, show
from labsupport.checking.standins import Flag
from labsupport.clock import Deadline
from labsupport.trace import Direction, Trace

if TYPE_CHECKING:
    from labsupport.checking.hosts import OpenSocket
    from labsupport.checking.remote import RemoteAnswer
    from labsupport.link import Link

__all__ = [
    "Conn",
    "HandlingPeer",
    "Outcome",
    "Serving",
    "ServingPeer",
    "facing",
    "handling",
    "serving",
]

HOST = "127.0.0.1"
OURS = "the check"
THEIRS = "your answer"
STOPPED = 2.0  # seconds in which serve has to return after stop was set
TIMEOUT = 3.0  # seconds that a Conn waits unless told otherwise
AFTERMATH = 0.2  # seconds after a failure to see what the answer raises at the same moment
GONE = 0.3  # seconds for the system and for threads that are just ending, after serve returned

_PIECE = 64 * 1024
_CALLS = 100_000  # of handle(connection) in one check
_CONNECTIONS = 400  # that an answer may open in one check; many machines permit 1,024 descriptors
_ENDING = (
    "Nobody is connected any more, and `stop` was set. What did `serve` open or start that is "
    "still there?",
    "Whatever `serve` opens it closes, and whatever it starts it ends and waits for, before it "
    "returns.",
)
_ADDRESS = (
    "serve is told a host and a port. Which of them did your listener get?",
    "The call that makes a listener takes both: without a host, or with '', it listens on every "
    "address.",
)
_LINGER_0 = struct.pack("ii", 1, 0)
# Below the ports that systems hand out for port 0 (32768 on Linux, 49152 elsewhere), so that no
# connection takes the port between the moment it is chosen and the moment the answer binds it.
_LOWEST, _HIGHEST = 20_000, 32_000

Script = Callable[["Conn", int], Awaitable[None]]
_S = TypeVar("_S", bound="Serving")


class Conn:
    """The check's end of a TCP connection. All waits take `timeout`, in seconds.

    who: whom the check plays there; the ladder says it.
    """

    def __init__(
        self,
        sock: socket.socket,
        side: Literal["client", "server"],
        number: int,
        remote: tuple[str, int] | None = None,
        who: str = "",
    ) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.number = number
        self.local: tuple[str, int] = sock.getsockname()[:2]
        # Who accepts is told the address; the socket of a connection that was reset has none.
        self.remote: tuple[str, int] = remote or sock.getpeername()[:2]
        self.trace = Trace()
        self.who = who
        self._us = f"{OURS} as {who}" if who else OURS
        self._side = side
        self._out: Direction = "to_server" if side == "client" else "to_client"
        self._in: Direction = "to_client" if side == "client" else "to_server"
        self._buffer = bytearray()
        self._ended = False
        self._sent = 0
        self._received = 0
        self._released = asyncio.Event()

    def __repr__(self) -> str:
        return f"connection {self.number}"

    def ladder(self) -> str:
        """What this connection carried, as the check saw it."""
        client, server = (self._us, THEIRS) if self._side == "client" else (THEIRS, self._us)
        return self.trace.ladder_text(client=client, server=server)

    async def send(self, data: bytes, *, timeout: float = TIMEOUT, said: str = "") -> None:
        """Send all of it; the time counts from the last piece of 64 KiB that went out."""
        touched.set(self)
        self._record("sent", data=data)
        loop = asyncio.get_running_loop()
        view = memoryview(data)
        try:
            for start in range(0, len(view), _PIECE):
                async with asyncio.timeout(timeout * patience.get()):
                    await loop.sock_sendall(self.sock, view[start : start + _PIECE])
        except TimeoutError:
            raise self._mismatch(
                said or "your answer stopped reading",
                expected=f"it reads all of {count(len(data), 'byte')}",
                got=f"for {timeout:g} s it read nothing more",
                waited=True,
            ) from None
        except OSError as error:
            raise self._mismatch(
                said or "your answer ended the connection while the check was still sending",
                expected=f"it reads all of {count(len(data), 'byte')}",
                got=f"the send failed: {_reason(error)}",
            ) from None

    async def send_last(self, data: bytes, *, timeout: float = TIMEOUT, said: str = "") -> None:
        """Send all of it and end our direction: whoever has read the last byte meets the end.

        Where the system cannot hold bytes back (TCP_CORK, tcp(7)), the end comes a moment later.
        """
        if sys.platform == "linux":
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        await self.send(data, timeout=timeout, said=said)
        self.half_close()

    async def recv(self, n: int = _PIECE, *, timeout: float = TIMEOUT, said: str = "") -> bytes:
        """What is there, at most n bytes; b"" at the end of the stream."""
        if not self._buffer and not self._ended:
            await self._more(n, until_in(timeout), "at least one byte, or the end", said)
        return self._take(min(n, len(self._buffer)))

    async def recv_exactly(self, n: int, *, timeout: float = TIMEOUT, said: str = "") -> bytes:
        """Exactly n bytes. `timeout` is for all of them."""
        until = until_in(timeout)
        while len(self._buffer) < n:
            await self._needed(n - len(self._buffer), until, count(n, "byte"), said)
        return self._take(n)

    async def recv_line(
        self, limit: int = _PIECE, *, timeout: float = TIMEOUT, said: str = ""
    ) -> bytes:
        """A line with its b"\\n", at most `limit` bytes long."""
        until = until_in(timeout)
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) >= limit:
                raise self._mismatch(
                    said or f"a line is longer than {count(limit, 'byte')}",
                    expected=f"a line of at most {count(limit, 'byte')}",
                    got=f"no line end so far: {show(bytes(self._buffer))}",
                )
            await self._needed(_PIECE, until, "a line", said)
        return self._take(end + 1)

    async def recv_until_eof(
        self, limit: int = 64 * 1024 * 1024, *, timeout: float = TIMEOUT, said: str = ""
    ) -> bytes:
        """All bytes up to the end of the stream, which must come."""
        until = until_in(timeout)
        while not self._ended:
            await self._more(_PIECE, until, "the end of the stream", said)
            if len(self._buffer) > limit:
                raise self._mismatch(
                    said or "your answer sends more than it should",
                    expected=f"the end of the stream after at most {count(limit, 'byte')}",
                    got=f"more: {show(bytes(self._buffer))}",
                )
        return self._take(len(self._buffer))

    def half_close(self) -> None:
        """End our direction (shutdown(SHUT_WR)): the answer reads b"" and may still send."""
        touched.set(self)
        self._record("eof")
        with contextlib.suppress(OSError):  # the answer has reset it: a later read will say so
            self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Break the connection off: SO_LINGER with time 0, then close, sends RST."""
        touched.set(self)
        if self.sock.fileno() >= 0:
            self._record("reset")
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_0)
            self.sock.close()

    def close(self) -> None:
        """Close; a second close does nothing."""
        if self.sock.fileno() >= 0:
            self._record("close")
            self.sock.close()

    async def hold(self) -> None:
        """Keep the connection open and silent until the block that made it is left."""
        await self._released.wait()

    def release(self) -> None:
        """End `hold`."""
        self._released.set()

    def give_up(self) -> None:
        """Close what the check left open, at the end of the block; not a part of its script."""
        self.release()
        self.sock.close()

    async def _needed(self, n: int, until: Deadline, wanted: str, said: str) -> None:
        """Read more of something of which more has to come."""
        if not self._ended:
            await self._more(n, until, wanted, said)
        if self._ended:
            raise self._mismatch(
                said or "your answer ended the connection too early",
                expected=wanted,
                got=self._so_far("the end of the stream"),
            )

    async def _more(self, n: int, until: Deadline, wanted: str, said: str) -> None:
        """Read up to n bytes into the buffer, or notice the end."""
        touched.set(self)
        try:
            async with asyncio.timeout(until.left()):
                data = await asyncio.get_running_loop().sock_recv(self.sock, min(n, _PIECE))
        except TimeoutError:
            self._record("timeout")
            raise self._mismatch(
                said or "your answer sends nothing more",
                expected=wanted,
                got=self._so_far(f"nothing for {until.seconds / patience.get():g} s"),
                waited=True,
            ) from None
        except OSError as error:
            kind = "reset" if isinstance(error, ConnectionError) else "error"
            self._record(kind, inward=True)
            raise self._mismatch(
                said or "your answer broke the connection off",
                expected=wanted,
                got=self._so_far(_reason(error)),
            ) from None
        self._buffer += data
        self._ended = not data
        if self._ended and not self._buffer:
            self._record("eof", inward=True)

    def _take(self, n: int) -> bytes:
        data = bytes(self._buffer[:n])
        del self._buffer[:n]
        touched.set(self)
        if data:
            self._record("received", data=data, inward=True)
            if self._ended and not self._buffer:
                self._record("eof", inward=True)
        return data

    def _so_far(self, then: str) -> str:
        """What came of what was wanted, and what came next."""
        return f"{show(bytes(self._buffer))}, then {then}" if self._buffer else then

    def _mismatch(self, said: str, expected: str, got: str, waited: bool = False) -> Mismatch:
        if self._buffer:  # bytes that the check did not take belong in its ladder all the same
            data = bytes(self._buffer)
            self._buffer.clear()
            self._record("received", data=data, inward=True)
            if self._ended:
                self._record("eof", inward=True)
        return Mismatch(said, expected=expected, got=got, conn=self, waited=waited)

    def _record(self, kind: str, data: bytes = b"", inward: bool = False) -> None:
        inward = inward or kind == "received"
        offset = self._received if inward else self._sent
        direction = self._in if inward else self._out
        self.trace.add(self._us, kind, direction=direction, data=data, offset=offset)
        if inward:
            self._received += len(data)
        else:
            self._sent += len(data)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one call of handle(connection) did.

    raised: None when it returned. value: what it returned, or None when that is not plain data.
    """

    number: int
    raised: AnswerRaised | None
    value: Any = None


class _Peer:
    """An answer that is reached at an address."""

    def __init__(self, answer: RemoteAnswer, link: Link | None) -> None:
        self._answer = answer
        self._link = link
        self.address: tuple[str, int] = (HOST, 0)

    def _reached_at(self, port: int) -> None:
        self.address = through(self._answer, self._link, port)

    def _close(self) -> None:
        """Close what the check left open."""


class _Accepting(_Peer):
    """An answer that accepts connections."""

    def __init__(self, answer: RemoteAnswer, link: Link | None) -> None:
        super().__init__(answer, link)
        self.connections: list[Conn] = []

    async def connect(
        self,
        *,
        timeout: float = TIMEOUT,
        said: str = "",
        who: str = "",
        receive_buffer: int | None = None,
        segment: int | None = None,
    ) -> Conn:
        """Open a connection to the answer, through the link if there is one.

        who: see Conn. receive_buffer: its bytes, None for the system's. It is set first: made
        smaller than the window that was announced, a buffer has no room for what the answer may
        send. That is dropped, and sent again after pauses that double (RFC 6298, 5.5). segment: the
        most bytes that the answer may put into one (TCP_MAXSEG in tcp(7)), None for the system's.
        Linux makes room for a number of segments in a sender's buffer, which are 64 KiB each on
        this machine's own network; systems that do not let a client ask for less ignore it.
        """
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if segment is not None:
            with contextlib.suppress(AttributeError, OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, segment)
        try:
            async with asyncio.timeout(timeout * patience.get()):
                await asyncio.get_running_loop().sock_connect(sock, self.address)
            conn = Conn(sock, "client", len(self.connections) + 1, who=who)
        except (TimeoutError, OSError) as error:
            sock.close()
            silent = isinstance(error, TimeoutError)
            raise Mismatch(
                said or "your answer does not accept a connection",
                did=f"opened connection {len(self.connections) + 1}",
                expected="a connection",
                got=f"nothing for {timeout:g} s" if silent else _reason(error),
                waited=silent,
            ) from None
        self._answer.ports |= {conn.local[1], conn.remote[1]}
        self._answer.exchanges.append(conn)
        self.connections.append(conn)
        touched.set(conn)
        return conn

    def _close(self) -> None:
        for conn in self.connections:
            conn.give_up()


class Serving(_Peer, ABC):
    """A running serve(host, port, stop, *more) of the answer."""

    transport: socket.SocketKind

    def __init__(
        self, answer: RemoteAnswer, link: Link | None, name: str, more: Sequence[Any]
    ) -> None:
        super().__init__(answer, link)
        self.port = 0
        """The port that the answer was given; behind a link `address` is another one."""
        self._name = name
        self._more = more
        self._spoken = f"{name}({', '.join(['host', 'port', 'stop', *map(show, more)])})"
        self._flag_number = answer._next()
        self._stopping = False
        self._before = answer.held()
        self._call: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def stop(self, within: float = STOPPED, *, did: str = "") -> None:
        """Set `stop`, whatever connections are open, and wait for the function to return.

        It must not have returned before, and when it has, nothing of it may be open: no listening
        socket, and no connection, whoever holds it. Leaving the block does this after closing the
        check's connections, if it was not done before. did: what the check did, for the feedback.
        """
        if self._stopping:
            return
        self._stopping = True
        self._still_serves(did)
        did = did or "set stop"
        await self._answer._send({"op": "set", "flag": self._flag_number})
        done, _ = await asyncio.wait({self._call}, timeout=within * patience.get())
        if not done:
            late = Mismatch(
                f"`{self._name}` does not return after stop was set",
                did=did,
                expected=f"{self._name} returns within {within:g} s",
                got=f"it was still running after {within:g} s",
                waited=True,
            )
            late.places = await self._answer.where()
            raise late
        self._call.result()
        left = await self._left_open()
        if found := left or _left_in_the_loop(self._answer.output):
            raise Mismatch(
                f"`{self._name}` has returned, and a part of it goes on",
                did=f"{did}, and looked again when {self._name} had returned",
                expected="everything that it opened is closed, and all that it started has ended",
                got=found,
                verdict="leaked",
                waited=bool(left),  # a coroutine that nobody awaited does not go away with time
            )

    def _still_serves(self, did: str = "") -> None:
        """Fail when the function has returned or raised although nobody has told it to stop."""
        if self._call.done():
            self._call.result()
            raise Mismatch(
                f"`{self._name}` returned before stop was set",
                did=did or f"called {self._spoken}",
                expected=f"{self._ready_when} and serves until stop is set",
                got="it returned",
            )

    async def _left_open(self) -> str:
        """What of the answer is open after the time that it has to end, in words; empty when it is
        nothing.

        A process that the answer has set free is not among its own any more: the port finds it.
        """
        until = until_in(GONE)
        pause = 0.001
        while True:
            last = until.expired
            more = self._more_than_before()
            if last or not more:
                socket_left = await self._socket_left()
                if not (more or socket_left):
                    return ""
            if last:
                return socket_left or more
            await asyncio.sleep(pause)
            pause = min(2 * pause, 0.02)

    def _more_than_before(self) -> str:
        now, before = self._answer.held(), self._before
        left = {
            "descriptor that was not there before": now.descriptors - before.descriptors,
            "thread that still runs": now.threads - before.threads,
            "process that still runs": now.processes - before.processes,
        }
        return " and ".join(f"a {what}" for what, more in left.items() if more > 0)

    def _own_sockets(self) -> list[OpenSocket]:
        """The answer's sockets of this transport on the port."""
        kind = "tcp" if self.transport == socket.SOCK_STREAM else "udp"
        return [
            each
            for each in self._answer.open_sockets()
            if each.kind == kind and each.local and each.local[1] == self.port
        ]

    _ready_when: str
    """What the function has to do with its port, in words."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Whether the function does that, as the system tells it: nothing is sent to it."""

    @abstractmethod
    def _not_ready(self) -> tuple[str, str]:
        """What to say when it does not do it in time, and what it does instead."""

    @abstractmethod
    async def _socket_left(self) -> str:
        """What is still open at the port, in words; empty when there is nothing."""


class ServingPeer(Serving, _Accepting):
    """A running serve(host, port, stop) of the answer that accepts connections."""

    transport = socket.SOCK_STREAM
    _ready_when = "it listens on that port"

    def _is_ready(self) -> bool:
        return self._answer.listens(self.port)

    def _not_ready(self) -> tuple[str, str]:
        others = any(each.state == "LISTEN" for each in self._answer.open_sockets())
        return (
            "nothing listens on the port that your answer was given",
            "it listens on another port" if others else "it listens on no port",
        )

    def assert_own_address(self) -> None:
        """Fail if the answer listens on more than the address that it was given."""
        listening = (each for each in self._answer.open_sockets() if each.state == "LISTEN")
        hosts = sorted({each.local[0] for each in listening if each.local})
        with apart(*_ADDRESS):
            said = "it listens on the address that it was given, and on no other"
            assert_that(hosts == [HOST], said, expected=HOST, got=", ".join(hosts))

    async def _socket_left(self) -> str:
        states = {each.state for each in self._own_sockets()}
        if "LISTEN" in states or await self._accepts():
            return "it still listens: a new connection is accepted"
        return "a connection is still open" if states else ""

    async def _accepts(self) -> bool:
        """Whether somebody accepts a connection to the port."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            try:
                async with asyncio.timeout(GONE):  # not every system says at once that nobody does
                    await asyncio.get_running_loop().sock_connect(sock, (HOST, self.port))
            except OSError:  # refused, or no answer: TimeoutError is one too
                return False
            return True


class HandlingPeer(_Accepting):
    """An answer whose handle(connection) is called for each connection, in a thread of its own.

    When the call returns or raises, its connection is closed, unless that is the answer's part.
    """

    def __init__(self, answer: RemoteAnswer, link: Link | None) -> None:
        super().__init__(answer, link)
        self._outcomes: dict[int, Outcome] = {}
        self._changed = asyncio.Event()

    def outcomes(self) -> list[Outcome]:
        """What the calls that have ended did, in the order of the connections."""
        return [outcome for _, outcome in sorted(self._outcomes.items())]

    async def all_handled(
        self, number: int | None = None, *, timeout: float = TIMEOUT, said: str = ""
    ) -> list[Outcome]:
        """Wait until that many calls have ended (as many as connections were opened)."""
        wanted = len(self.connections) if number is None else number
        until = until_in(timeout)
        while len(self._outcomes) < wanted:
            self._changed.clear()
            try:
                async with asyncio.timeout(until.left()):
                    await self._changed.wait()
            except TimeoutError:
                raise Mismatch(
                    said or "handle does not return",
                    expected=f"{count(wanted, 'call')} of it returned",
                    got=f"{len(self._outcomes)} returned within {timeout:g} s",
                    waited=True,
                ) from None
        return self.outcomes()

    def _ended(self, number: int, raised: AnswerRaised | None, value: Any) -> None:
        if type(number) is not int or not 0 < number <= _CALLS or number in self._outcomes:
            raise ValueError("the outcome of a connection that there is not")
        self._outcomes[number] = Outcome(number, raised, value)
        self._changed.set()


@asynccontextmanager
async def serving(peer: _S, ready: float, port: int | None) -> AsyncIterator[_S]:
    """Call its function with (host, port, stop, *more) in the answer's process and wait until it
    serves.

    ready: seconds that it may take. port: one that this answer has served before, so that a check
    can see it start again; without it a free one. On leaving, the connections are closed, stop is
    set, and the function must return within 2 s and leave nothing open; see `ServingPeer.stop`.
    That it does not is apart from what the check is about, unless this calls `stop` itself.
    """
    answer, name = peer._answer, peer._name
    peer.port = _free_port(peer.transport) if port is None else port
    answer.ports.add(peer.port)
    flag = Flag(peer._flag_number)
    peer._call = asyncio.ensure_future(answer.call(name, HOST, peer.port, flag, *peer._more))
    try:
        await _serves(peer, until_in(ready))
        answer.did = f"called {peer._spoken}"
        peer._reached_at(peer.port)
        try:
            yield peer
        except Mismatch as mismatch:
            await asyncio.wait({peer._call}, timeout=AFTERMATH)
            _note_crash(mismatch, peer._call, name)
            raise
        peer._close()
        try:
            await peer.stop()
        except Mismatch as mismatch:
            if mismatch.waited:  # else it has ended before, which may be what the check is about
                mismatch.hints = _ENDING
            raise
    finally:
        peer._close()
        peer._call.cancel()
        await asyncio.gather(peer._call, return_exceptions=True)
        if peer._link is not None:
            peer._link.stop()


@asynccontextmanager
async def handling(
    answer: RemoteAnswer, name: str, timeout: float, link: Link | None, close: bool
) -> AsyncIterator[HandlingPeer]:
    """Accept connections in the answer's process and call name(connection) for each.

    timeout: seconds, set on each connection before the call. close: close each one after its
    call; without it the connection stays open unless the answer closes it.
    """
    peer = HandlingPeer(answer, link)
    number = answer._next()
    answer.did = f"called {name}(connection)"
    answer._outcomes[number] = peer._ended
    port = await answer._request(
        "accept", f"{name}(connection)", number=number, object=None, name=name, timeout=timeout,
        close=close,
    )  # fmt: skip
    if type(port) is not int or not 0 < port < 65536:
        raise answer.nonsense("a port that is none")
    answer.ports.add(port)
    try:
        peer._reached_at(port)
        try:
            yield peer
        except Mismatch as mismatch:
            with contextlib.suppress(Mismatch):
                await peer.all_handled(timeout=AFTERMATH)
            for outcome in peer.outcomes():
                if outcome.raised is not None:
                    mismatch.notes.append(_meanwhile(name, outcome.raised))
                    break
            raise
        if answer.gone is None:
            await answer._send({"op": "quiet", "id": number})
    finally:
        peer._close()
        if link is not None:
            link.stop()


@asynccontextmanager
async def facing(
    answer: RemoteAnswer, script: Script, link: Link | None, grace: float
) -> AsyncIterator[tuple[str, int]]:
    """Listen, and run script(conn, number) for each connection of the answer; yields the address.

    A Mismatch in a script fails the check, before anything that the answer raised because of it.
    grace: seconds that scripts may take to finish after the block; those that still run are ended.
    """
    try:
        listener = socket.create_server((HOST, 0), backlog=128)
    except OSError as error:
        raise no_port(_reason(error)) from None
    listener.setblocking(False)
    port = listener.getsockname()[1]
    scripts: list[asyncio.Task[None]] = []
    connections: list[Conn] = []

    async def run(conn: Conn) -> None:
        touched.set(conn)
        try:
            await script(conn, conn.number)
            conn.close()
        finally:
            conn.give_up()

    async def accept() -> None:
        while True:
            sock, remote = await asyncio.get_running_loop().sock_accept(listener)
            if len(connections) == _CONNECTIONS:
                sock.close()
                answer.fail(
                    Mismatch(
                        "your answer opens one connection after another",
                        expected=f"at most {count(_CONNECTIONS, 'connection')}",
                        got="one more",
                    )
                )
                return
            conn = Conn(sock, "server", len(connections) + 1, remote)
            answer.ports |= {conn.local[1], conn.remote[1]}
            answer.exchanges.append(conn)
            connections.append(conn)
            scripts.append(asyncio.create_task(run(conn)))

    accepting = asyncio.create_task(accept())
    try:
        address = through(answer, link, port)
        try:
            yield address
        except BaseException as error:
            if isinstance(error, Exception):
                _raise_first(scripts)
            raise
        for conn in connections:
            conn.release()
        if scripts:
            await asyncio.wait(scripts, timeout=grace * patience.get())
        _raise_first(scripts)
    finally:
        for task in (accepting, *scripts):
            task.cancel()
        await asyncio.gather(accepting, *scripts, return_exceptions=True)
        for conn in connections:
            conn.give_up()
        listener.close()
        if link is not None:
            link.stop()


async def _serves(peer: Serving, until: Deadline) -> None:
    """Wait until the answer is ready on its port."""
    pause = 0.002
    while True:
        last = until.expired
        if peer._is_ready():
            return
        peer._still_serves()
        if last:
            said, got = peer._not_ready()
            did = f"called {peer._spoken}"
            raise Mismatch(said, did=did, expected=peer._ready_when, got=got, waited=True)
        await asyncio.wait({peer._call}, timeout=min(pause, max(0.001, until.left())))
        pause = min(pause * 1.5, 0.05)


def until_in(seconds: float) -> Deadline:
    """A deadline for something of the answer's."""
    return Deadline(seconds * patience.get())


def through(answer: RemoteAnswer, link: Link | None, port: int) -> tuple[str, int]:
    """The address at which a port is reached: the link's, or its own."""
    answer.ports.add(port)
    if link is None:
        return HOST, port
    try:
        link.start((HOST, port))
    except OSError as error:
        raise no_port(_reason(error)) from None
    answer.ports.add(link.port)
    return link.host, link.port


def _left_in_the_loop(output: str) -> str:
    """The coroutine or task that nobody waited for, if the answer's process says so of one."""
    if found := re.search(r"coroutine '([^']{1,99})' was never awaited", output):
        return f"the coroutine `{found[1]}` was never awaited"
    if found := re.search(r"the task in `([^`]{1,99})` was not done when its loop ended", output):
        return f"a task: it was still in `{found[1]}`"
    return ""


def _free_port(transport: socket.SocketKind) -> int:
    """A port that nobody uses, from a range that systems do not hand out by themselves."""
    for _ in range(100):
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        with socket.socket(socket.AF_INET, transport) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise no_port(f"100 ports between {_LOWEST:,} and {_HIGHEST:,} that were tried are in use")


def no_port(why: str) -> Mismatch:
    return Mismatch("no port is free for the check", expected="your answer leaves some", got=why)


def _raise_first(scripts: list[asyncio.Task[None]]) -> None:
    """Raise what the first failed script raised: a Mismatch before anything else."""
    errors = [
        error
        for task in scripts
        if task.done() and not task.cancelled() and (error := task.exception()) is not None
    ]
    errors.sort(key=lambda error: not isinstance(error, Mismatch))
    if errors:
        raise errors[0]


def _note_crash(mismatch: Mismatch, call: asyncio.Future[Any], name: str) -> None:
    if call.done() and not call.cancelled():
        error = call.exception()
        if isinstance(error, AnswerRaised):
            mismatch.notes.append(_meanwhile(name, error))
        elif error is None:
            mismatch.notes.append(f"Meanwhile `{name}` returned.")


def _meanwhile(name: str, raised: AnswerRaised) -> str:
    return f"Meanwhile `{name}` raised:\n{raised.traceback}"


def _reason(error: OSError) -> str:
    if isinstance(error, ConnectionResetError):
        return "a reset (RST)"
    if isinstance(error, ConnectionRefusedError):
        return "refused: nothing listens"
    return error.strerror or type(error).__name__
