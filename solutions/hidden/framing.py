"""Hidden checks of the exercise `framing`."""

import asyncio

from labsupport.checking import (
    HiddenChecks,
    Mismatch,
    ScriptedSocket,
    assert_bytes,
    assert_equal,
    assert_that,
)

hidden = HiddenChecks("framing")

HEADER = 4
PATIENCE = 2.0  # seconds; a right answer takes milliseconds


def number_of(length, variant):
    """The header of a frame with a body of so many bytes."""
    return length.to_bytes(HEADER, variant.byteorder)


def framed(body, variant):
    return number_of(len(body), variant) + body


async def raises(target, kind, *call, did):
    """Fail unless this call of the answer, or of an object of it, raises an exception."""
    try:
        await target.raises(kind, *call)
    except Mismatch as mismatch:
        mismatch.did = did
        raise


@hidden.check(
    "read_frame: a refused body stays unread",
    points=1,
    misconception="length-can-be-trusted",
    said="A body that is too long is refused before any of it is read, and it is not read away "
    "either: a peer can promise 4 GiB.",
)
async def read_frame_leaves_a_refused_body(answer, draw, variant):
    limit = draw.integer(5, 20)
    body = draw.bytes(limit + draw.integer(1, 5))
    sock = ScriptedSocket([number_of(len(body), variant), body])
    did = f"handed in a socket with a frame that carries {len(body)} bytes, and a limit of {limit}"
    await raises(answer, "ValueError", "read_frame", sock, limit, did=did)
    assert_bytes(b"".join(sock.waiting), body, said="no byte of the body was read", did=did)


class Halting(ScriptedSocket):
    """Sends its second piece when it is told to; `halted` is set when that is asked for."""

    def __init__(self, pieces):
        super().__init__(pieces)
        self.halted = asyncio.Event()
        self.go_on = asyncio.Event()

    async def recv(self, bufsize, flags=0):
        if len(self.waiting) == 1:
            self.halted.set()
            await self.go_on.wait()
        return super().recv(bufsize, flags)


@hidden.check(
    "read_frame: two calls at the same time",
    points=1,
    misconception="one-buffer-is-enough",
    said="Two threads may read from two sockets at the same time, and neither call notices the "
    "other.",
)
async def read_frame_two_calls(answer, draw, variant):
    slow, quick = draw.bytes(draw.integer(20, 40)), draw.bytes(draw.integer(20, 40))
    cut = draw.integer(HEADER + 1, HEADER + len(slow) - 1)
    frame = framed(slow, variant)
    socket = Halting([frame[:cut], frame[cut:]])
    did = "began to read a frame from a first socket, read one from a second, then read on"
    first = asyncio.ensure_future(answer.call("read_frame", socket))
    halted = asyncio.ensure_future(socket.halted.wait())
    second = None
    try:
        await asyncio.wait({first, halted}, return_when=asyncio.FIRST_COMPLETED)
        if first.done():
            assert_bytes(first.result(), slow, said="a frame is read to its end", did=did)
        other = ScriptedSocket([framed(quick, variant)])
        second = asyncio.ensure_future(answer.call("read_frame", other))
        await asyncio.wait({second}, timeout=PATIENCE)
        assert_that(second.done(), "no call waits for another", "the second frame", "nothing", did)
        assert_bytes(second.result(), quick, said="each call returns its own frame", did=did)
        socket.go_on.set()
        assert_bytes(await first, slow, said="each call returns its own frame", did=did)
    finally:
        tasks = [task for task in (first, halted, second) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@hidden.check(
    "Framer: a long frame behind a short one",
    points=1,
    misconception="length-can-be-trusted",
    said="The limit is for every frame, wherever in a piece its header stands.",
)
async def framer_long_behind_short(answer, draw, variant):
    limit = draw.integer(5, 20)
    short = framed(draw.bytes(limit), variant)
    for rest in (framed(draw.bytes(limit + 1), variant), number_of(limit + 1, variant)):
        framer = await answer.new("Framer", limit)
        did = f"fed frames of {limit} and of {limit + 1} bytes in one piece to a Framer({limit})"
        await raises(framer, "ValueError", "feed", short + rest, did=did)
    framer = await answer.new("Framer", limit)
    assert_equal(
        await framer.call("feed", short + short),
        [short[HEADER:]] * 2,
        said="two frames that keep to the limit are two frames",
        did=f"fed two frames of {limit} bytes in one piece to a Framer({limit})",
    )
