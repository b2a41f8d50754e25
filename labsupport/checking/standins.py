"""Objects that a check hands to an answer while keeping their state to itself.

A `StandIn` lives in the checks' process. The answer gets a proxy: each method named in `exposed`
is a message to this object, and the method here, plain or async, decides what it returns or
raises. So a check sees every call, can hold one back, and nothing in the answer's process can
change what was decided. Arguments and results are plain data; only builtin exceptions cross.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import ClassVar

from labsupport.checking.asserts import Mismatch
from labsupport.checking.showing import count, show
from labsupport.trace import Trace

__all__ = ["Coroutine", "Flag", "ScriptedSocket", "StandIn", "crossing"]

_ROOM = 64 * 1024 * 1024  # bytes that are kept of what an answer sends
_PATIENCE = 100  # reads after the end of the stream before a program counts as spinning


class StandIn:
    """Base of what can be handed to an answer in place of the real thing.

    exposed: the methods that the answer can call. Inside one, raise a builtin exception to raise
    it in the answer, or `Mismatch` to fail the check.
    """

    exposed: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        return type(self).__name__


class Coroutine(StandIn):
    """Base of what an answer gets as a coroutine, which does what `run` here does.

    It begins when the answer runs it, and ends when `run` returns or raises. When the answer
    cancels it, CancelledError is raised in `run`, which may take its time. A method of another
    stand-in returns it, so that it is seen when it is made. It can be handed over once.

    What the answer's process says of it comes in the order in which it happened there.
    """

    exposed = ("run",)

    async def run(self) -> object:
        """What the coroutine does."""
        raise NotImplementedError

    def begins(self) -> None:
        """Told when the coroutine in the answer's process begins; `run` follows a moment later."""

    def cancelled(self, left: bool) -> None:
        """Told when it is cancelled. left: whether the call that it was made in had ended."""

    def over(self, left: bool) -> None:
        """Told when the coroutine in the answer's process has ended. left: as above."""


class Flag:
    """An event in the answer's process that the checks can set.

    A threading.Event; where it is handed to an `async def`, an asyncio.Event.
    """

    def __init__(self, number: int) -> None:
        self.number = number

    def __repr__(self) -> str:
        return "stop"


class ScriptedSocket(StandIn):
    """A connected stream socket whose reads and writes follow a script.

    pieces: what the peer sends, in order. recv(n) returns at most n bytes of the next piece, so
        that a piece longer than n takes several reads and two pieces are never joined. A piece may
        be an exception: that read raises it. After the last piece recv returns b"", and after 100
        such reads the check fails.
    accept: the most bytes that one `send` takes; None: all of them.

    Afterwards `sent` holds what the answer sent, `reads` and `writes` how often it tried, `closed`
    and `half_closed` what it did at the end, `timeout` its last settimeout.
    """

    exposed = (
        "recv",
        "recv_into",
        "send",
        "sendall",
        "settimeout",
        "gettimeout",
        "setblocking",
        "shutdown",
        "close",
        "getpeername",
        "getsockname",
        "__enter__",
        "__exit__",
    )

    def __init__(
        self, pieces: Sequence[bytes | BaseException] = (), *, accept: int | None = None
    ) -> None:
        self.waiting: list[bytes | BaseException] = [
            bytes(piece) if isinstance(piece, bytes | bytearray) else piece for piece in pieces
        ]
        self.accept = accept
        self.sent = b""
        self.reads = 0
        self.writes = 0
        self.closed = False
        self.half_closed = False
        self.timeout: float | None = None
        self.trace = Trace()
        self._given = 0
        self._after_end = 0

    def __repr__(self) -> str:
        return "socket"

    def ladder(self) -> str:
        """What was read and sent, as a ladder."""
        return self.trace.ladder_text(client="the check", server="your answer")

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """At most `bufsize` bytes of the next piece, or b"" after the last one."""
        self._must_be_open("recv")
        if not isinstance(bufsize, int) or bufsize < 0:
            raise ValueError("negative buffersize in recv")
        self.reads += 1
        if bufsize == 0:
            return b""
        while self.waiting and self.waiting[0] == b"":
            del self.waiting[0]
        if not self.waiting:
            return self._end()
        piece = self.waiting.pop(0)
        if isinstance(piece, BaseException):
            self.trace.add("your answer", "error", note=f"recv raised {type(piece).__name__}")
            raise piece
        data, rest = piece[:bufsize], piece[bufsize:]
        if rest:
            self.waiting.insert(0, rest)
        self.trace.add(
            "your answer", "received", direction="to_server", data=data, offset=self._given
        )
        self._given += len(data)
        return data

    def send(self, data: bytes, flags: int = 0) -> int:
        """Take at most `accept` bytes and return how many."""
        self._must_be_open("send")
        if self.half_closed:
            raise BrokenPipeError(32, "Broken pipe")
        if not isinstance(data, bytes):
            raise TypeError(f"a bytes-like object is required, not '{type(data).__name__}'")
        if len(self.sent) + len(data) > _ROOM:
            raise Mismatch(
                "your answer sends more than it should",
                expected=f"at most {count(_ROOM, 'byte')}",
                got="more",
            )
        self.writes += 1
        taken = data if self.accept is None else data[: self.accept]
        if taken:
            self.trace.add(
                "your answer", "sent", direction="to_client", data=taken, offset=len(self.sent)
            )
        self.sent += taken
        return len(taken)

    def sendall(self, data: bytes, flags: int = 0) -> None:
        """Take everything."""
        while data:
            data = data[self.send(data) :]

    def settimeout(self, value: float | None) -> None:
        """Remember the timeout; a script decides by itself when a read times out."""
        self.timeout = value

    def gettimeout(self) -> float | None:
        """The last timeout that was set."""
        return self.timeout

    def setblocking(self, flag: bool) -> None:
        """As settimeout(None) or settimeout(0.0)."""
        self.timeout = None if flag else 0.0

    def shutdown(self, how: int) -> None:
        """End the answer's direction (SHUT_WR or SHUT_RDWR)."""
        self._must_be_open("shutdown")
        if how in (1, 2) and not self.half_closed:
            self.half_closed = True
            self.trace.add("your answer", "eof", direction="to_client")

    def close(self) -> None:
        """Close; a second close does nothing."""
        if not self.closed:
            self.closed = True
            self.trace.add("your answer", "close", direction="to_client")

    def getpeername(self) -> tuple[str, int]:
        """An address from the documentation range (RFC 5737)."""
        return ("192.0.2.1", 50000)

    def getsockname(self) -> tuple[str, int]:
        """An address from the documentation range (RFC 5737)."""
        return ("192.0.2.2", 7)

    def _end(self) -> bytes:
        if self._after_end == 0:
            self.trace.add("your answer", "eof", direction="to_server")
        self._after_end += 1
        if self._after_end > _PATIENCE:
            raise Mismatch(
                "your answer reads on after the end of the stream",
                did=f"ended the stream after {count(self._given, 'byte')}",
                expected="recv that returns b'' is taken as the end",
                got=f"{_PATIENCE} more reads, each returned b''",
            )
        return b""

    def _must_be_open(self, method: str) -> None:
        if self.closed:
            raise OSError(9, "Bad file descriptor")


def crossing(error: BaseException) -> list[object]:
    """A builtin exception as plain data: its class name and its arguments.

    Raises TypeError for any other: it would be another class on the other side.
    """
    kind = type(error)
    if getattr(builtins, kind.__name__, None) is not kind:
        raise TypeError(f"only builtin exceptions cross to an answer, not {kind.__name__}")
    plain = [item if isinstance(item, int | str) else show(item) for item in error.args]
    return [kind.__name__, plain]
