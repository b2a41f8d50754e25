"""Clients of the chat room that several exercises build: what they send, and what they wait for.

A room's protocol is lines of UTF-8. A client's first line is its nickname; who is in is told
`* here: NAMES`, hears `NAME: TEXT` of the others, and `* NAME joins` and `* NAME leaves`; who is
refused gets `error: REASON`, and then the end. Lines that a client was not asked about are passed
over, unless it has to be the very next one: each fault has a check of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from labsupport.checking.asserts import Mismatch, assert_bytes, assert_that
from labsupport.checking.draw import Draw
from labsupport.checking.peers import Conn, ServingPeer

__all__ = ["Chat", "people", "quoted"]


def people(draw: Draw, number: int, letters: int | None = None) -> list[str]:
    """So many different nicknames, each of at most so many letters."""
    names: list[str] = []
    while len(names) < number:
        name = draw.word()[:letters]
        if name not in names:
            names.append(name)
    return names


def quoted(text: str) -> str:
    """A text for the feedback; a long one by its beginning."""
    return repr(text) if len(text) <= 60 else f"{text[:30]!r}... and so on, {len(text)} characters"


@dataclass(frozen=True, slots=True)
class Chat:
    """What clients of a room do, each wait of theirs bounded.

    within: seconds that the answer may be late with a line or an end.
    """

    within: float

    async def line_from(self, conn: Conn, wanted: str, said: str, did: str) -> bytes:
        """The next line; wanted: what is waited for, in words."""
        try:
            return await conn.recv_line(said=said, timeout=self.within)
        except Mismatch as mismatch:
            mismatch.did, mismatch.expected = did, wanted
            raise

    async def hears(
        self, conn: Conn, text: str, said: str, did: str, next_one: bool = False
    ) -> None:
        """Read up to this line. next_one: it has to be the very next line."""
        wanted = f"{text}\n".encode()
        while True:
            line = await self.line_from(conn, f"the line {quoted(text)}", said, did)
            if next_one:
                assert_bytes(line, wanted, said, did)
            if line == wanted:
                return

    async def hears_all(self, conn: Conn, lines: Iterable[bytes], said: str, did: str) -> None:
        """Read until each of these lines has come, in any order."""
        missing = set(lines)
        while missing:
            one = min(missing).decode().rstrip()
            wanted = f"{len(missing)} more lines, such as {one!r}"
            missing.discard(await self.line_from(conn, wanted, said, did))

    async def enters(self, peer: ServingPeer, name: str, did: str = "") -> Conn:
        """A new client that is in the room under this name."""
        conn = await peer.connect()
        await conn.send(f"{name}\n".encode())
        await self.welcomed(conn, did or f"connected and sent the nickname {name!r}")
        return conn

    async def welcomed(self, conn: Conn, did: str) -> bytes:
        """Read the line that says who is here, which a client gets when it is in; return it."""
        said = "who has sent a nickname that is free is in, and is told who is here"
        wanted = "a line that begins with '* here:'"
        line = await self.line_from(conn, wanted, said, did)
        assert_that(line.startswith(b"* here:"), said, wanted, line, did)
        return line

    async def ended(self, conn: Conn, said: str, did: str) -> bytes:
        """The connection has to end, in whatever way; what came before."""
        try:
            return await conn.recv_until_eof(said=said, timeout=self.within)
        except Mismatch as mismatch:
            # A server that closes with bytes unread resets the connection: closed is closed.
            if any(event.kind == "reset" for event in conn.trace.events[-2:]):
                return b""
            mismatch.did = did
            raise

    async def refused(self, conn: Conn, error: str, did: str) -> None:
        """The client gets this error line, and then the end."""
        said = "who is refused is told why, and its connection ends"
        await self.hears(conn, f"error: {error}", said, did)
        rest = await self.ended(conn, said, did)
        assert_bytes(rest, b"", said="behind an error line comes nothing but the end", did=did)

    async def is_alive(
        self,
        speaker: Conn,
        name: str,
        listener: Conn,
        draw: Draw,
        did: str,
        next_one: bool = False,
    ) -> None:
        """Somebody speaks in the room and somebody else hears it. next_one: nothing before it."""
        text = f"{draw.word()} {draw.word()}"
        await speaker.send(f"{text}\n".encode())
        said = "the room goes on for the others"
        if next_one:
            said += ", who are told once of who leaves, and nothing of who was never in"
        await self.hears(listener, f"{name}: {text}", said, did, next_one)
