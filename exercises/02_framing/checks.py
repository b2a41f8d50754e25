"""Checks of the exercise `framing`: messages out of a stream of bytes.

Three answers are judged here: the step `framing.header` (one frame by hand), and in `framing` the
two forms of the reader, `read_frame(sock)` and the class `Framer`, which does no I/O. Every check
looks at one behaviour, so the pieces in which the bytes arrive are chosen by each of them: what
another check is about arrives whole.
"""

from contextlib import contextmanager

from labsupport.checking import (
    Exercise,
    Link,
    Mismatch,
    ScriptedSocket,
    assert_bytes,
    assert_equal,
    assert_that,
)

HEADER = 4
TICKS = 0.06  # seconds of processor time, which systems count in steps of 0.01 s or 0.016 s
ABSURD = b"\xff\xff\xff\xff"
NOT_BEFORE = "feed returns a body when its last byte has come, and not before"

header = Exercise(
    "framing.header",
    title="framing.header: one frame by hand",
    lesson="02b",
    minutes=3,
    kind="core",
    entry="frame(text) -> bytes and body_length(header, limit) -> int",
)


def phrases(variant):
    """What the task says of the byte order and of the limit when the caller gives none."""
    big = variant.byteorder == "big"
    return [
        f"{variant.byteorder}-endian",
        f'"{variant.byteorder}"',
        '"little"' if big else '"big"',
        "first byte counts most" if big else "last byte counts most",
        "00 00 01 02" if big else "02 01 00 00",
        r'feed(b"\x00\x00")' if big else r'feed(b"\x02\x00")',
        r'feed(b"\x00\x02h")' if big else r'feed(b"\x00\x00h")',
        f"{variant.limit:_}",
    ]


exercise = Exercise(
    "framing",
    title="framing: messages out of a stream of bytes",
    lesson="02b",
    minutes=30,
    kind="core",
    entry="read_frame(sock, limit) -> bytes or None, and class Framer(limit)",
    variant={"byteorder": "big", "limit": 1_048_576},
    variants={
        "byteorder": ("big", "little"),
        "limit": (1_048_576, 262_144, 393_216, 524_288, 655_360, 786_432),
    },
    phrases=phrases,
)


def number_of(length):
    """The header of a frame with a body of so many bytes."""
    return length.to_bytes(HEADER, exercise.variant.byteorder)


def framed(*bodies):
    """The frames of these bodies, one behind the other."""
    return b"".join(number_of(len(body)) + body for body in bodies)


def letters(draw, n):
    """A body of n bytes that can be read in the feedback."""
    return "".join(draw.word() for _ in range(n)).encode()[:n]


def one_by_one(data):
    """The bytes, each a piece of its own."""
    return split(data, [1] * len(data))


def split(data, sizes):
    """The data in pieces of these sizes."""
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return pieces


def completing(pieces, bodies):
    """For each piece the bodies of the frames that it completes."""
    ends, end = [], 0
    for body in bodies:
        end += HEADER + len(body)
        ends.append(end)
    lists, start = [], 0
    for piece in pieces:
        stop = start + len(piece)
        lists.append([body for body, end in zip(bodies, ends, strict=True) if start < end <= stop])
        start = stop
    return lists


def in_pieces(pieces):
    """How the stream was split, in words."""
    if len(pieces) == 1:
        return f"one piece of {len(pieces[0])} bytes"
    if all(len(piece) == 1 for piece in pieces):
        return f"{len(pieces)} pieces of 1 byte"
    return "pieces of " + ", ".join(str(len(piece)) for piece in pieces) + " bytes"


async def feed_all(answer, pieces, bodies):
    """Feed the pieces to a new Framer; each feed must return the frames that it completes."""
    framer = await answer.new("Framer")
    did = f"fed frames with bodies of {sizes_of(bodies)} bytes, in {in_pieces(pieces)}"
    # One call at a time: an early body can make a later feed raise, and the early one is the fault.
    for number, (piece, wanted) in enumerate(
        zip(pieces, completing(pieces, bodies), strict=True), 1
    ):
        got = await framer.call("feed", piece)
        said = f"feed number {number} returns the frames that it completes, and no others"
        if got and not wanted:
            said = NOT_BEFORE
        assert_equal(got, wanted, said=said, did=did)


def sizes_of(bodies):
    """The sizes of the bodies, in words."""
    *first, last = [str(len(body)) for body in bodies]
    return " and ".join([", ".join(first), last]) if first else last


def part(kept, body):
    """How much of a frame there is when only its first bytes were kept, in words."""
    if kept <= HEADER:
        return f"{kept} of {HEADER} bytes of a header"
    return f"{kept - HEADER} of {len(body)} bytes of a body"


@contextmanager
def doing(did, said=""):
    """Say what the check did when a comparison in the block fails; said: in place of its own."""
    try:
        yield
    except Mismatch as mismatch:
        mismatch.did = did
        mismatch.said = said or mismatch.said
        raise


# ---- the step: one frame by hand


@header.check(
    "the byte order of the header",
    points=1,
    misconception="byte-order-is-mine",
    hints=[
        "Which of the four bytes of 00 00 01 02 counts most?",
        "The task says big-endian: the first byte counts most, on every machine.",
        'int.to_bytes(4, "big") writes such a header, int.from_bytes(header, "big") reads it.',
    ],
)
async def the_byte_order_of_the_header(answer, draw, variant):
    place = "first" if variant.byteorder == "big" else "last"
    text = draw.word().ljust(258, ".")
    sent = await answer.call("frame", text)
    assert_bytes(
        sent[:HEADER] if isinstance(sent, bytes) else sent,
        number_of(258),
        said=f"258 is {number_of(258).hex(' ')}: four bytes, the most significant one {place}",
        did="called frame() with a text of 258 ASCII characters and looked at the first four bytes",
    )
    for length in (258, draw.integer(70_000, 16_000_000)):
        number = number_of(length)
        assert_equal(
            await answer.call("body_length", number, 2**24),
            length,
            said=f"{number.hex(' ')} is {length}: the {place} byte counts most",
            did=f"called body_length({number!r}, {2**24})",
        )


@header.check(
    "the header counts bytes",
    points=1,
    misconception="text-is-bytes",
    hints=[
        "What does the reader of a frame receive: characters or bytes?",
        "The header says how many bytes of body follow it. Encode first, then count.",
        'body = text.encode("utf-8"), and the number is len(body).',
    ],
)
async def the_header_counts_bytes(answer, draw, variant):
    for text in ("Zoë", draw.text(12), ""):
        body = text.encode()
        sent = await answer.call("frame", text)
        did = f"called frame({text!r})"
        assert_that(isinstance(sent, bytes), "the result of frame is bytes", "bytes", sent, did)
        assert_bytes(sent[HEADER:], body, said="behind the header is the text in UTF-8", did=did)
        # Either byte order is fine here: another check is about that.
        number = min(int.from_bytes(sent[:HEADER], order) for order in ("big", "little"))
        assert_equal(
            number,
            len(body),
            said=f"the number in the header is the size of the body, {len(body)} bytes",
            did=did,
        )


@header.check(
    "a length above the limit is refused",
    points=1,
    misconception="length-can-be-trusted",
    hints=[
        "Who wrote the number in the header?",
        "Compare the number with the limit before you return it. The limit itself is allowed.",
        'if length > limit: raise ValueError(f"length {length} is above the limit {limit}")',
    ],
)
async def a_length_above_the_limit_is_refused(answer, draw, variant):
    # These four bytes are the same number in both byte orders.
    number = b"\x00\x01\x01\x00"
    length = int.from_bytes(number, "big")
    assert_equal(
        await answer.call("body_length", number, length),
        length,
        said="a length that is equal to the limit is allowed",
        did=rf"called body_length(b'\x00\x01\x01\x00', {length})",
    )
    for limit in (length - 1, draw.integer(1, 1000)):
        await answer.raises(("ValueError",), "body_length", number, limit)
    await answer.raises(("ValueError",), "body_length", ABSURD, variant.limit)


# ---- read_frame: one frame from a socket


@exercise.check(
    "read_frame: one byte at a time",
    points=2,
    misconception="recv-fills-the-buffer",
    hints=[
        "What does recv promise about how much it returns?",
        "recv(n) returns 1 to n bytes, or b'' at the end. Call it until nothing is missing.",
        "Ask for what is missing, n - have, in a loop: for the header and for the body.",
    ],
)
async def read_frame_one_byte_at_a_time(answer, draw, variant):
    body = letters(draw, draw.integer(20, 40))
    assert_bytes(
        await answer.call("read_frame", ScriptedSocket(one_by_one(framed(body)))),
        body,
        said="every recv returned one byte; the frame is to be complete all the same",
        did=f"handed in a socket with a frame that carries {len(body)} bytes, one for each recv",
    )
    # The same on a real connection: the cable sends a byte when the one before it was read.
    link = Link(to_server={"cut": 1}, seed=draw.seed)
    async with answer.handling("read_frame", link=link) as peer:
        conn = await peer.connect()
        await conn.send(framed(body))
        (outcome,) = await peer.all_handled()
        assert_equal(
            outcome.raised and str(outcome.raised),
            None,
            said="on a real connection that delivers single bytes read_frame raises nothing",
            did=f"sent a frame that carries {len(body)} bytes through a cable, byte by byte",
        )
        assert_equal(
            outcome.value,
            body,
            said="on a real connection that delivers single bytes the frame is complete too",
            did=f"sent a frame that carries {len(body)} bytes through a cable, byte by byte",
        )


@exercise.check(
    "read_frame: the next call returns the next frame",
    points=1,
    misconception="recv-is-a-message",
    hints=[
        "What happens to the bytes that recv returned and that you did not need?",
        "Take no byte from the socket that lies behind your frame: ask for what is missing only.",
        "Read up to 4 bytes of header first, then up to `length` bytes of body, and no more.",
    ],
)
async def read_frame_leaves_the_next_frame(answer, draw, variant):
    bodies = [letters(draw, 5), letters(draw, 9)]
    stream = framed(*bodies)
    # The second time, the first frame ends in the middle of a piece.
    for pieces in ([stream], [stream[:7], stream[7:]]):
        sock = ScriptedSocket(pieces)
        for number, body in enumerate(bodies, 1):
            assert_bytes(
                await answer.call("read_frame", sock),
                body,
                said=f"call {number} of read_frame on this socket returns frame {number}",
                did=f"handed in a socket with two frames, in {in_pieces(pieces)}",
            )


@exercise.check(
    "read_frame: an empty frame",
    points=1,
    misconception="empty-means-the-end",
    hints=[
        "What does your loop do when nothing is missing from the start?",
        "A frame with length 0 is complete with its header. Its body is b'', which is not None.",
        "Test `have < n` before you call recv, not after it: recv(0) returns b'' too.",
    ],
)
async def read_frame_empty(answer, draw, variant):
    body = letters(draw, 6)
    sock = ScriptedSocket([framed(b""), framed(body)])
    for wanted in (b"", body):
        assert_equal(
            await answer.call("read_frame", sock),
            wanted,
            said="a frame with length 0 is a message like any other: its body is b''",
            did="handed in a socket with an empty frame and a frame behind it",
        )


@exercise.check(
    "read_frame: end between frames",
    points=1,
    misconception="eof-is-an-exception",
    hints=[
        "Where in the stream may a polite peer stop?",
        "When the first recv of a frame returns b'', no frame has begun: return None.",
        "Treat the first byte of the header apart: if recv returns b'' there, return None.",
    ],
)
async def read_frame_end_between(answer, draw, variant):
    body = letters(draw, 8)
    assert_equal(
        await answer.call("read_frame", ScriptedSocket([])),
        None,
        said="the stream ended before a frame began: a good end, read_frame returns None",
        did="handed in a socket whose first recv returns b''",
    )
    sock = ScriptedSocket([framed(body)])
    for wanted in (body, None):
        assert_equal(
            await answer.call("read_frame", sock),
            wanted,
            said="one frame, then a good end: the second call returns None",
            did="handed in a socket with one frame and the end of the stream behind it",
        )


@exercise.check(
    "read_frame: end inside a frame",
    points=2,
    misconception="eof-is-an-exception",
    hints=[
        "How does your program tell the end after 0 bytes of a header from the end after 2?",
        "b'' before the frame is complete means that its rest will never come. Raise EOFError.",
        "After every recv: if not piece, raise EOFError. In the header from its second byte on.",
    ],
)
async def read_frame_end_inside(answer, draw, variant):
    body = letters(draw, 5)
    for kept in range(1, HEADER + len(body)):
        with doing(f"handed in a socket whose stream ends after {part(kept, body)}"):
            await answer.raises(("EOFError",), "read_frame", ScriptedSocket([framed(body)[:kept]]))
    # The same on a real connection, whose client ends its direction and stays.
    async with answer.handling("read_frame") as peer:
        conn = await peer.connect()
        await conn.send(framed(body)[:-1])
        conn.half_close()
        (outcome,) = await peer.all_handled()
        assert_equal(
            outcome.raised and outcome.raised.kind,
            "EOFError",
            said="the end of a real stream inside of a frame raises EOFError",
            did="sent a frame without its last byte on a real connection, then half-closed",
        )


@exercise.check(
    "read_frame: a timeout is passed on",
    points=1,
    misconception="empty-means-the-end",
    hints=[
        "Does a peer that is silent say that it has finished?",
        "What recv raises is not for read_frame to decide about: the caller set the timeout.",
        "Leave out the try, or catch nothing that is an OSError. TimeoutError is one.",
    ],
)
async def read_frame_timeout(answer, draw, variant):
    frame = framed(letters(draw, 4))
    for kept, place in ((HEADER, "between header and body"), (0, "before a frame")):
        for error in (TimeoutError("timed out"), ConnectionResetError(104, "reset by peer")):
            kind = type(error).__name__
            sock = ScriptedSocket([frame[:kept], error, frame[kept:]])
            with doing(f"handed in a socket that raises {kind} {place}"):
                await answer.raises((kind,), "read_frame", sock)


@exercise.check(
    "read_frame: an absurd length",
    points=1,
    misconception="length-can-be-trusted",
    hints=[
        "Who wrote the number in the header, and what would you do for it?",
        "Compare the length with the limit between header and body. The limit itself is allowed.",
        "if length > limit: raise ValueError(...), before the first recv for the body.",
    ],
)
async def read_frame_absurd_length(answer, draw, variant):
    body = letters(draw, 10)
    assert_bytes(
        await answer.call("read_frame", ScriptedSocket([framed(body)]), len(body)),
        body,
        said="a body as long as the limit is allowed",
        did="handed in a socket with a frame that carries 10 bytes, and a limit of 10",
    )
    long_one = draw.bytes(variant.limit)
    assert_equal(
        await answer.call("read_frame", ScriptedSocket([framed(long_one)])),
        long_one,
        said=f"the limit is {variant.limit:,} bytes when the caller gives none",
        did=f"handed in a socket with a frame that carries {variant.limit:,} bytes, and no limit",
    )
    with doing("handed in a socket with a frame that carries 10 bytes, and a limit of 9"):
        await answer.raises(("ValueError",), "read_frame", ScriptedSocket([framed(body)]), 9)
    for number in (number_of(variant.limit + 1), ABSURD):
        with doing(f"handed in a socket with the header {number.hex(' ')}, and no limit"):
            sock = ScriptedSocket([number, b"some bytes"])
            await answer.raises(("ValueError",), "read_frame", sock)


@exercise.check(
    "read_frame: two connections at once",
    points=1,
    misconception="one-buffer-is-enough",
    hints=[
        "What does your function remember from one call to the next, and where?",
        "Bytes that you keep between calls belong to one socket. Better: keep none.",
        "If you never read beyond your frame, there is nothing that has to be kept.",
    ],
)
async def read_frame_two_connections(answer, draw, variant):
    bodies = {name: [letters(draw, 4), letters(draw, 6)] for name in ("A", "B")}
    for name in bodies:
        assert_bytes(
            await answer.call("read_frame", ScriptedSocket([framed(*bodies[name])])),
            bodies[name][0],
            said=f"the first frame of socket {name} comes from socket {name}",
            did="called read_frame with socket A, then with socket B; each holds two frames",
        )


# ---- Framer: the same protocol without a socket


@exercise.check(
    "Framer: one byte at a time",
    points=2,
    misconception="recv-is-a-message",
    hints=[
        "What does your Framer remember when a piece is not a whole frame?",
        "Join what is left over with what comes: also the third time, also inside the header.",
        "One bytearray in __init__; feed adds to its end, and takes whole frames off its start.",
    ],
)
async def framer_one_byte_at_a_time(answer, draw, variant):
    # Any byte can be in a body, so these are random.
    bodies = [draw.bytes(3), draw.bytes(draw.integer(4, 12))]
    await feed_all(answer, one_by_one(framed(*bodies)), bodies)
    # And in pieces of several sizes, none of which holds bytes of two frames.
    pieces = [
        piece for body in bodies for piece in split(framed(body), draw.sizes(HEADER + len(body), 5))
    ]
    await feed_all(answer, pieces, bodies)


@exercise.check(
    "Framer: split inside a header",
    points=2,
    misconception="recv-is-a-message",
    hints=[
        "A piece can hold the end of one frame and the start of the next.",
        "What is left behind a frame stays: it is the start of the next header.",
        "Remove from the buffer what the frame took, 4 + length bytes, and nothing else.",
    ],
)
async def framer_split_inside_a_header(answer, draw, variant):
    bodies = [letters(draw, 4), letters(draw, 7)]
    stream = framed(*bodies)
    for part in (1, 2, 3):
        cut = HEADER + len(bodies[0]) + part
        await feed_all(answer, [stream[:cut], stream[cut:]], bodies)


@exercise.check(
    "Framer: three frames in one piece",
    points=1,
    misconception="recv-is-a-message",
    hints=[
        "How often does feed look whether a frame is complete?",
        "After one frame, look again: the next can be complete as well.",
        "Use while, not if, around the part that takes a frame off the buffer.",
    ],
)
async def framer_three_frames(answer, draw, variant):
    for sizes in ((4, 1, 9), [draw.integer(1, 9) for _ in range(draw.integer(10, 40))]):
        bodies = [letters(draw, size) for size in sizes]
        await feed_all(answer, [framed(*bodies)], bodies)


@exercise.check(
    "Framer: an empty frame",
    points=1,
    misconception="empty-means-the-end",
    hints=[
        "How many bytes does the shortest frame have?",
        "Length 0 is allowed: the frame is complete with its header, and its body is b''.",
        "Test for `len(buffer) >= 4 + length`, and append the body whatever its length.",
    ],
)
async def framer_empty_frame(answer, draw, variant):
    body = letters(draw, 5)
    await feed_all(answer, [framed(b""), framed(body)], [b"", body])


@exercise.check(
    "Framer: end inside a frame",
    points=2,
    misconception="eof-is-an-exception",
    hints=[
        "How does the caller learn that the last message never arrived whole?",
        "end() raises EOFError when anything is left over: a part of a body, or of a header.",
        "In end(): if the buffer is not empty, raise EOFError.",
    ],
)
async def framer_end(answer, draw, variant):
    body = letters(draw, 5)
    framer = await answer.new("Framer")
    await framer.call("feed", framed(body))
    with doing("fed one whole frame, then called end()"):
        assert_equal(await framer.call("end"), None, said="no frame is unfinished: end() is silent")
    for kept in range(1, HEADER + len(body)):
        framer = await answer.new("Framer")
        fed = f"fed a whole frame and {part(kept, body)}"
        with doing(fed):
            await framer.call("feed", framed(body))
            assert_equal(await framer.call("feed", framed(body)[:kept]), [], said=NOT_BEFORE)
        with doing(
            f"{fed}, then called end()",
            said="a part of a frame is left over: end() raises EOFError",
        ):
            await framer.raises(("EOFError",), "end")


@exercise.check(
    "Framer: an absurd length",
    points=2,
    misconception="length-can-be-trusted",
    hints=[
        "When is it known that a frame is too long?",
        "The fourth byte of the header tells. Compare before you wait for the body.",
        "if length > self.limit: raise ValueError(...), above the test for the complete body.",
    ],
)
async def framer_absurd_length(answer, draw, variant):
    body = letters(draw, draw.integer(5, 20))
    framer = await answer.new("Framer", len(body))
    with doing(f"fed a frame that carries {len(body)} bytes to a Framer({len(body)})"):
        assert_equal(
            await framer.call("feed", framed(body)),
            [body],
            said="a body as long as the limit is allowed",
        )
    framer = await answer.new("Framer")
    long_one = draw.bytes(variant.limit)
    assert_equal(
        await framer.call("feed", framed(long_one)),
        [long_one],
        said=f"the limit is {variant.limit:,} bytes when the caller gives none",
        did=f"fed a frame that carries {variant.limit:,} bytes to a Framer()",
    )
    for number in (number_of(variant.limit + 1), ABSURD):
        framer = await answer.new("Framer")
        with doing(f"fed only the header {number.hex(' ')} to a Framer()"):
            await framer.raises(("ValueError",), "feed", number)
    framer = await answer.new("Framer", len(body) - 1)
    with doing(f"fed only the header for {len(body)} bytes to a Framer({len(body) - 1})"):
        await framer.raises(("ValueError",), "feed", framed(body)[:HEADER])


@exercise.check(
    "Framer: two connections at once",
    points=1,
    misconception="one-buffer-is-enough",
    hints=[
        "Where does the buffer live: in the module, in the class, or in the object?",
        "Each Framer needs a buffer that is its own.",
        "Create the buffer in __init__, as self.buffer. A name in the class body is shared by all.",
    ],
)
async def framer_two_connections(answer, draw, variant):
    bodies = {name: letters(draw, 6) for name in ("A", "B")}
    framers = {name: await answer.new("Framer") for name in bodies}
    did = "made two Framers, A and B, and fed each the first half of a frame, then the second"
    for name, framer in framers.items():
        await framer.call("feed", framed(bodies[name])[:5])
    for name, framer in framers.items():
        assert_equal(
            await framer.call("feed", framed(bodies[name])[5:]),
            [bodies[name]],
            said=f"the frame that was fed to {name} comes out of {name}",
            did=did,
        )


@exercise.check(
    "Framer: a long body stays cheap",
    points=2,
    misconception="copying-is-free",
    hints=[
        "What does Python do for `a += b` when a is a bytes object of 50 MB?",
        "bytes cannot grow, so all of it is copied. A bytearray grows; a list collects pieces.",
        "self.buffer = bytearray(), self.buffer += data, and no copy of it all in each feed.",
    ],
    deadline=20.0,
)
async def framer_long_body(answer, draw, variant):
    body = draw.bytes(8 * 1024 * 1024)
    crumbs, bulk = [1000] * 500, [100_000] * 72
    parts = [sum(crumbs), sum(bulk), sum(crumbs)]
    few, much, more, last = split(body, [*parts, len(body) - sum(parts)])
    did = "fed a body of 8 MiB: 500 pieces of 1000 bytes, 72 large ones, 500 of 1000 bytes again"
    framer = await answer.new("Framer", 2 * len(body))

    async def spent(pieces):
        """Feed pieces that complete nothing; the processor time of the answer for it."""
        before = answer.cpu_seconds()
        results = await framer.map("feed", pieces)
        assert_equal(
            [got for got in results if got != []],
            [],
            said="feed returns an empty list as long as the frame is not complete",
            did=did,
        )
        return answer.cpu_seconds() - before

    await spent([number_of(len(body))])
    first = await spent(split(few, crumbs))
    await spent(split(much, bulk))
    second = 0.0
    crumbs = split(more, crumbs)
    for start in range(0, len(crumbs), 50):  # a few at a time: it is soon clear when it is not so
        second += await spent(crumbs[start : start + 50])
        assert_that(
            second <= 2 * first + TICKS,
            "a small piece costs the same, however much of the body is there already",
            expected="500 small pieces cost about as much at the end of the body as at its start",
            got="they cost much more: every feed copies all that came before it",
            did=did,
        )
    pieces = split(last, draw.sizes(len(last), 50_000))
    assert_equal(
        await framer.map("feed", pieces),
        [[]] * (len(pieces) - 1) + [[body]],
        said="the last piece of a long body completes its frame, and all of it comes out",
        did=did + ", and the rest",
    )
