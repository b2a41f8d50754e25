"""Hidden checks of the exercise `bounded`."""

import asyncio

from labsupport.checking import HiddenChecks, Mismatch, assert_that
from labsupport.checking.asserts import patience

hidden = HiddenChecks("bounded")

LINE = 2.0  # seconds for a line
THINKING = 0.4  # of them the client takes for each of its lines
LINES = 4


@hidden.check(
    "keeps a client that goes on",
    points=1,
    misconception="timeout-is-a-deadline",
    said="The time is for one line: a client that sends its lines in time may stay for longer.",
)
async def keeps_a_client_that_goes_on(answer, draw, variant):
    seconds = LINE * patience.get()
    async with answer.serving("serve", 2, seconds) as peer:
        conn = await peer.connect()
        for number in range(LINES):
            await conn.send(b"a line\n")
            try:
                await conn.recv_line(said="a client whose lines come in time stays")
            except Mismatch as mismatch:
                mismatch.did = f"sent {number + 1} lines, each after {THINKING:.0%} of its time"
                mismatch.waited = True  # on a busy machine they may have come too late
                raise
            await asyncio.sleep(THINKING * seconds)  # slow on purpose: nothing is waited for


@hidden.check(
    "ends a line without end",
    points=1,
    misconception="every-line-ends",
    said="A line that is longer than 1000 bytes ends the connection before its time is over.",
)
async def ends_a_line_without_end(answer, draw, variant):
    said = "a client whose line is longer than 1000 bytes is let go at once"
    async with answer.serving("serve", 2, 60) as peer:
        conn = await peer.connect()
        try:
            await conn.send(b"x" * 20_000)
            got = await conn.recv(said=said)
        except Mismatch as mismatch:
            if mismatch.waited:
                raise
            got = b""  # a reset ends it too
        assert_that(
            got == b"",
            said=said,
            did="sent 20,000 bytes without a line feed",
            expected="the end of the connection",
            got=got,
        )
