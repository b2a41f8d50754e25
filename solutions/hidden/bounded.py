"""Hidden checks of the exercise `bounded`."""

from labsupport.checking import HiddenChecks, Mismatch, assert_that

hidden = HiddenChecks("bounded")


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
