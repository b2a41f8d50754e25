"""Clients of the chat room that several exercises build: what they send, and what they wait for.

A room's protocol is lines of UTF-8. A client's first line is its nickname; who is in is told
`* here: NAMES`, hears `NAME: TEXT` of the others, and `* NAME joins` and `* NAME leaves`; who is
refused gets `error: REASON`, and then the end. Lines that a client was not asked about are passed
over, unless it has to be the very next one: each fault has a check of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from labsupport.checking.asserts import Mismatch, apart, assert_bytes, assert_that
from labsupport.checking.draw import Draw
from labsupport.checking.peers import Conn, ServingPeer
from labsupport.checking.remote import RemoteAnswer
from labsupport.checking.showing import show
from labsupport.link import Link

__all__ = ["Chat", "people", "quoted", "serving"]

_TEXT = (
    "What of a line is what is said? And is an empty line one?",
    "strip takes more off a line than its line feed, and no line is too short to be passed on.",
    'split(b"\\n") takes the line feeds out, and nothing else.',
)
_NICKNAME = (
    "Which characters does your test let through, and what of the line does it not see?",
    "isalnum knows letters and digits of every script, and strip takes a carriage return off.",
    'NAME = re.compile(r"[A-Za-z0-9]{1,16}"), and NAME.fullmatch of the whole first line.',
)
_FIRST = (
    "Two join at once. Which lines can the one get before it is told who is here?",
    "To enter the roster and to put `* here:` into the outbox is one piece: whoever joins next "
    "tells all who are in the roster.",
    "In one piece means with the lock held, or without an await between the two.",
)
_SEGMENT = 512  # bytes
_STOP = ("Begin with the check `stop ends everything`: this is its subject.",)


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


@contextlib.asynccontextmanager
async def serving(answer: RemoteAnswer, link: Link | None = None) -> AsyncIterator[ServingPeer]:
    """A running room. How it ends when the block is left is apart from the subject of a check."""
    left = False
    try:
        async with answer.serving(link=link) as peer:
            yield peer
            left = True
    except Mismatch as mismatch:
        if left:
            mismatch.hints = _STOP
        raise


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
            mismatch.did = did
            mismatch.expected = f"{wanted}, to {conn.who}" if conn.who else wanted
            raise

    async def hears(
        self, conn: Conn, text: str, said: str, did: str, next_one: bool = False
    ) -> None:
        """Read up to this line. next_one: it has to be the very next line."""
        wanted, before = f"{text}\n".encode(), b""
        while True:
            try:
                line = await self.line_from(conn, f"the line {quoted(text)}", said, did)
            except Mismatch as mismatch:
                if before:
                    mismatch.got = f"{show(before)}, then {mismatch.got}"
                raise
            if next_one:
                assert_bytes(line, wanted, said, did)
            if line == wanted:
                return
            before = line

    async def hears_all(self, conn: Conn, lines: Iterable[bytes], said: str, did: str) -> None:
        """Read until each of these lines has come, in any order."""
        missing = set(lines)
        while missing:
            one = min(missing).decode().rstrip()
            wanted = f"{len(missing)} more lines, such as {one!r}"
            missing.discard(await self.line_from(conn, wanted, said, did))

    async def enters(
        self,
        peer: ServingPeer,
        name: str,
        did: str = "",
        said: str = "",
        receive_buffer: int | None = None,
    ) -> Conn:
        """A new client that is in the room under this name.

        receive_buffer: see ServingPeer.connect. Who asks for one will not read; then segments are
        small, too, and the systems at both ends take little, and about the same each time.
        """
        segment = None if receive_buffer is None else _SEGMENT
        conn = await peer.connect(who=name, receive_buffer=receive_buffer, segment=segment)
        await conn.send(f"{name}\n".encode())
        await self.welcomed(conn, did or f"connected and sent the nickname {name!r}", said)
        return conn

    async def returns(self, peer: ServingPeer, name: str, did: str) -> Conn:
        """A client whose connection has ended is in again, at once, under the same name."""
        said = "when the connection of a client ends, its nickname is free"
        return await self.enters(peer, name, f"{did}; then joined again as {name!r}, at once", said)

    async def welcomed(self, conn: Conn, did: str, said: str = "") -> bytes:
        """Read the line that says who is here, which a client gets when it is in; return it."""
        said = said or "who has sent a nickname that is free is in, and is told who is here"
        wanted = "a line that begins with '* here:'"
        line = await self.line_from(conn, wanted, said, did)
        # Somebody else's news: then it is in, and only the order is wrong.
        with apart(*_FIRST) if line.startswith(b"* ") else contextlib.nullcontext():
            assert_that(line.startswith(b"* here:"), said, wanted, line, did)
        return line

    async def ended(self, conn: Conn, said: str, did: str) -> bytes:
        """The connection has to end, in whatever way; what came before."""
        try:
            return await conn.recv_until_eof(said=said, timeout=self.within)
        except Mismatch as mismatch:
            # A server that closes with bytes unread resets the connection: closed is closed.
            last = conn.trace.events[-2:]
            if any(event.kind == "reset" for event in last):
                return b"".join(event.data for event in last if event.kind == "received")
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

    # ---- whole scenes, the same in each room ----

    async def meet(self, peer: ServingPeer, draw: Draw) -> None:
        """Three join, talk, and leave: who hears what, and in which order."""
        last, first, middle = sorted(people(draw, 3), key=lambda name: (name[::-1], name))
        did = f"let {last}, {first} and {middle} join, in this order"
        conns: dict[str, Conn] = {}
        here: list[str] = []
        for name in (last, first, middle):
            conns[name] = await peer.connect(who=name)
            await conns[name].send(f"{name}\n".encode())
            here = sorted([*here, name])
            said = "who joins is told who is here, itself included, in alphabetical order"
            await self.hears(conns[name], f"* here: {' '.join(here)}", said, did, next_one=True)
            for other in here:
                if other != name:
                    said = "the others are told who joins"
                    await self.hears(conns[other], f"* {name} joins", said, did, next_one=True)
        for name in (middle, last, middle):
            for text in (draw.word(), f"  {draw.text(12)}\t ", f"\ufeff{draw.word()}", ""):
                did = f"let {name} say {text!r}"
                await conns[name].send(f"{text}\n".encode())
                for other in here:
                    if other != name:
                        said = "the others hear what is said, as it came, and the speaker does not"
                        plain = contextlib.nullcontext() if text.isalnum() else apart(*_TEXT)
                        with plain:
                            await self.hears(conns[other], f"{name}: {text}", said, did, True)
        word = draw.word()
        did = f"let {first} say {word!r} and end its direction at once"
        await conns[first].send_last(f"{word}\n".encode())
        rest = await self.ended(conns[first], "who has ended its direction gets the end", did)
        assert_bytes(rest, b"", said="who leaves is not told that it leaves", did=did)
        for other in (middle, last):
            said = "the others hear all that was said before the end"
            await self.hears(conns[other], f"{first}: {word}", said, did, next_one=True)
            said = "the others are told who leaves"
            await self.hears(conns[other], f"* {first} leaves", said, did, next_one=True)
        # Capitals are before small letters where sorted compares the names.
        late = f"Zz{last}"
        did += f", and {late} join"
        conns[late] = await peer.connect(who=late)
        await conns[late].send(f"{late}\n".encode())
        said = "who joins is told who is here now, in the order of sorted"
        now = sorted([last, middle, late])
        await self.hears(conns[late], f"* here: {' '.join(now)}", said, did, next_one=True)
        for other in (middle, last):
            said = "the others are told once who leaves, and who joins"
            await self.hears(conns[other], f"* {late} joins", said, did, next_one=True)
        did = f"let {first} connect again, send its nickname and end its direction at once"
        brief = await peer.connect(who=first)
        await brief.send_last(f"{first}\n".encode())
        said = "who has left can join again, and gets what it is told also when it sends no more"
        now = sorted([*now, first])
        await self.hears(brief, f"* here: {' '.join(now)}", said, did, next_one=True)
        rest = await self.ended(brief, "who has ended its direction gets the end", did)
        assert_bytes(rest, b"", said="behind that comes nothing but the end", did=did)
        for line in (f"* {first} joins", f"* {first} leaves"):
            said = "the others are told also of who ends its direction at once"
            await self.hears(conns[late], line, said, did, next_one=True)

    async def no_nicknames(self, peer: ServingPeer, name: str, other: str) -> None:
        """First lines that are no nickname are refused; these two are in."""
        for wrong in ("", f"{name} {other}", f"{name}\r", "x" * 17, "Zoë", "١٢", "a_b"):
            did = f"sent the nickname {wrong!r}"
            unnamed = await peer.connect()
            await unnamed.send(f"{wrong}\n".encode())
            said = "who is refused is told why, and its connection ends"
            with apart(*_NICKNAME):
                await self.hears(unnamed, "error: bad nickname", said, did)
            with apart("An error is an end: whatever closes a connection comes behind it, too."):
                await self.ended(unnamed, said, did)
