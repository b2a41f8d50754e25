"""Hidden checks of the exercise `lines`: its limit, to the byte and for any split."""

from labsupport.checking import HiddenChecks, Link, Mismatch, assert_bytes

hidden = HiddenChecks("lines")

PATIENCE = 2.0  # seconds for a reply; a right answer takes milliseconds


async def exchanged(answer, data, wanted, said, sizes):
    """Send data on a new connection, which stays open, and compare the line that comes.

    sizes: of the pieces in which the answer reads it; the last one repeats.
    """
    link = Link(to_server={"cut": sizes})
    how = f"in pieces of {', '.join(map(str, sizes))} bytes"
    did = f"sent {data[:12]!r}... and so on, {len(data):,} bytes, {how}"
    async with answer.handling(link=link) as peer:
        conn = await peer.connect()
        await conn.send(data)
        try:
            reply = await conn.recv_line(timeout=PATIENCE, said=said)
        except Mismatch as mismatch:
            mismatch.did = did
            raise
        assert_bytes(reply, wanted, said=said, did=did)


def full(draw, size):
    """A text of this many bytes, each a character."""
    return draw.word().ljust(size, ".")


def reply_to(text, variant):
    return f"{len(text)}{variant.separator}{text.upper()}\n".encode()


@hidden.check(
    "a full line, and its line feed later",
    points=1,
    misconception="recv-is-a-message",
    said="A line of exactly 1024 bytes is a request, also when its line feed comes in a later "
    "piece.",
)
async def a_full_line_and_its_line_feed_later(answer, draw, variant):
    limit = variant.limit
    said = f"{limit} bytes are there, and the next one is the line feed"
    text = full(draw, limit)
    await exchanged(answer, f"{text}\n".encode(), reply_to(text, variant), said, (limit, 1))
    text = full(draw, limit - 1)
    await exchanged(answer, f"{text}\r\n".encode(), reply_to(text, variant), said, (limit, 1))
