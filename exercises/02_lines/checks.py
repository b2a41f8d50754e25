"""Checks of the exercise `lines`: a server for one client of a protocol of text lines.

The step `lines.text` turns the bytes of one line into text. In `lines` the answer's
`handle(connection)` gets a real accepted socket; the checks are its client, and a Link cuts the
stream where a check needs a cut. Each check sends plain ASCII with line feeds unless it is about
something else, and sends its requests in one piece on one connection unless it is about that.
"""

from labsupport.checking import Exercise, Link, Mismatch, assert_bytes, assert_equal

PATIENCE = 2.0  # seconds for a reply; a right answer takes milliseconds
TOO_LONG = b"error: line too long\n"
NOT_UTF8 = b"error: not UTF-8\n"

step = Exercise(
    "lines.text",
    title="lines.text: from a line to its text",
    lesson="02a",
    minutes=3,
    kind="core",
    entry="text_of(line) -> str or None",
)

SEPARATORS = {" ": "space", ":": "colon", "=": "equals sign", "/": "slash", "#": "hash sign"}


def phrases(variant):
    """What the task says of a line's limit, and of what stands behind the number in a reply."""
    between = variant.separator
    return [
        str(variant.limit),
        str(variant.limit + 1),
        f"text>{between}<the",
        rf"5{between}HELLO\n7{between}NAÏVE SS\n0{between}\n",
        f"a 0, {'an' if between == '=' else 'a'} {SEPARATORS[between]}",
    ]


exercise = Exercise(
    "lines",
    title="lines: a server that speaks in lines of text",
    lesson="02a",
    minutes=25,
    kind="core",
    entry="handle(connection)",
    variant={"limit": 1024, "separator": " "},
    variants={
        "limit": (1024, 512, 640, 768, 1280, 1536),
        "separator": tuple(SEPARATORS),
    },
    phrases=phrases,
)


def reply_to(text):
    """The reply that the protocol asks for."""
    return f"{len(text)}{exercise.variant.separator}{text.upper()}\n".encode()


async def asked(peer, *texts, ending="\n"):
    """Send these requests in one piece on a new connection, and check each reply to them."""
    conn = await peer.connect()
    await conn.send("".join(text + ending for text in texts).encode())
    for text in texts:
        await replied(conn, text, ending=ending)
    return conn


async def replied(conn, text, said="a request gets its reply", ending="\n"):
    """Read one reply and compare it with that to `text`. said, ending: for the feedback."""
    did = f"sent {shown(text)}" + (" and CR LF" if ending == "\r\n" else "")
    assert_bytes(await line_from(conn, said, did), reply_to(text), said=said, did=did)


def shown(text):
    """A text for the feedback; a long one by its start and its size in bytes."""
    size = len(text.encode())
    return repr(text) if size <= 40 else f"{text[:16]!r}... and so on, {size} bytes"


async def line_from(conn, said, did):
    """One line from the answer. said, did: for the feedback when none comes."""
    try:
        return await conn.recv_line(timeout=PATIENCE, said=said)
    except Mismatch as mismatch:
        mismatch.did = did
        raise


async def all_from(conn, did):
    """All that the answer sends, up to the end of the stream. did: for the feedback without one."""
    try:
        return await conn.recv_until_eof(timeout=PATIENCE)
    except Mismatch as mismatch:
        mismatch.did = did
        raise


async def refused(conn, did):
    """Read the error for a line that is too long, and the end of the connection behind it."""
    limit = exercise.variant.limit
    said = f"a line of more than {limit} bytes is refused, as soon as they are there"
    assert_bytes(await line_from(conn, said, did), TOO_LONG, said=said, did=did)
    said = "after a line that is too long the connection is closed"
    try:
        rest = await conn.recv(timeout=PATIENCE, said=said)
    except Mismatch:
        # A server that closes with bytes unread resets the connection: closed is closed.
        if conn.trace.events[-1].kind != "reset":
            raise
        rest = b""
    assert_bytes(rest, b"", said=said, did=did)


def cut_at(size, draw):
    """A cable that delivers what the client sends in two pieces, the first of `size` bytes."""
    return Link(to_server={"cut": (size, 4096)}, seed=draw.seed)


# ---- the step: from a line to its text


@step.check(
    "the line ending goes",
    points=1,
    misconception="strip-knows-the-protocol",
    hints=[
        "Which two endings does the protocol know?",
        "A line ends in a line feed. One CR right before it belongs to the ending as well.",
        r'line.removesuffix(b"\n").removesuffix(b"\r") takes both, where they are.',
    ],
)
async def the_line_ending_goes(answer, draw, variant):
    word = draw.word()
    pairs = [(word, "\n"), (word, "\r\n"), ("", "\n"), ("", "\r\n"), (f"{word}\r", "\r\n")]
    for text, ending in pairs:
        line = f"{text}{ending}".encode()
        assert_equal(
            await answer.call("text_of", line),
            text,
            said="the ending of a line is LF or CR LF; all that stands before it is its text",
            did=f"called text_of({line!r})",
        )


@step.check(
    "white space stays",
    points=1,
    misconception="strip-knows-the-protocol",
    hints=[
        "What does bytes.strip() take away besides the line ending?",
        "Spaces and tabs at both ends of a line are a part of its text.",
        "removesuffix takes away exactly the bytes that you name.",
    ],
)
async def white_space_stays(answer, draw, variant):
    for text in (f"  {draw.word()}", f"{draw.word()}  ", "\t", f"{draw.word()}\t "):
        assert_equal(
            await answer.call("text_of", f"{text}\n".encode()),
            text,
            said="white space at the ends of the text belongs to the text",
            did=f"called text_of({f'{text}{chr(10)}'.encode()!r})",
        )


@step.check(
    "None for what is not UTF-8",
    points=1,
    misconception="bytes-are-text",
    hints=[
        "What does bytes.decode do with bytes that are not UTF-8?",
        "It raises UnicodeDecodeError. Catch that, and return None.",
        'try: return line.decode("utf-8"), and in `except UnicodeDecodeError`: return None.',
    ],
)
async def none_for_what_is_not_utf8(answer, draw, variant):
    text = draw.text(8)
    assert_equal(
        await answer.call("text_of", f"{text}\n".encode()),
        text,
        said="UTF-8 becomes text",
        did=f"called text_of with the bytes of {text!r} and a line feed",
    )
    for line in (b"caf\xe9\n", b"\xff\xfe\n", "€".encode()[:2] + b"\n"):
        assert_equal(
            await answer.call("text_of", line),
            None,
            said="bytes that are not UTF-8 have no text: text_of returns None",
            did=f"called text_of({line!r})",
        )


# ---- the build: handle(connection)


@exercise.check(
    "one request after another",
    points=2,
    misconception="one-request-per-connection",
    hints=[
        "What does the client do while it waits for a reply?",
        "Reply as soon as the line feed is there, then read on: the next request may come.",
        "while piece := connection.recv(4096): ... and sendall each reply inside of that loop.",
    ],
)
async def one_request_after_another(answer, draw, variant):
    async with answer.handling() as peer:
        conn = await peer.connect()
        for number in (1, 2, 3):
            text = draw.word()
            await conn.send(f"{text}\n".encode())
            await replied(conn, text, said=f"request {number} gets its reply before the next comes")


@exercise.check(
    "characters are counted",
    points=1,
    misconception="text-is-bytes",
    hints=[
        "How many characters has `Zoë`, and how many bytes?",
        "The number in the reply counts characters of the request: decode, then count, then upper.",
        "len(text) of the decoded request. `ß` is one character, though its upper case has two.",
    ],
)
async def characters_are_counted(answer, draw, variant):
    async with answer.handling() as peer:
        for text in ("Zoë", draw.text(10), "straße"):
            await asked(peer, text)


@exercise.check(
    "a character split over two reads",
    points=2,
    misconception="chunk-is-text",
    hints=[
        "Where can a read end, inside of a text in UTF-8?",
        "Inside of a character, too. Collect bytes, and decode a line when it is complete.",
        r'Split the bytes at b"\n" first; then decode each whole line, never what recv returned.',
    ],
)
async def a_character_split_over_two_reads(answer, draw, variant):
    for letter in "é€🐍":
        text = draw.word() + letter + draw.word()
        cut = text.encode().index(letter.encode()) + draw.integer(1, len(letter.encode()) - 1)
        async with answer.handling(link=cut_at(cut, draw)) as peer:
            conn = await peer.connect()
            await conn.send(f"{text}\n".encode())
            said = "a character that arrives in two pieces is one character"
            did = f"sent {text!r}; the first read ends inside of {letter!r}"
            reply = await line_from(conn, said, did)
        # The number is what came: another check is about that.
        between = variant.separator
        number = b"%d" % len(text)
        if reply[:1].isdigit():
            number = reply.split(between.strip().encode() or None)[0]
        assert_bytes(reply, number + f"{between}{text.upper()}\n".encode(), said=said, did=did)


@exercise.check(
    "bytes that are not UTF-8",
    points=2,
    misconception="bytes-are-text",
    hints=[
        "What happens in your program when a line cannot be decoded?",
        "Bad input is input: reply `error: not UTF-8` and read the next line.",
        "Put try and except UnicodeDecodeError around the decoding of one line, in the loop.",
    ],
)
async def bytes_that_are_not_utf8(answer, draw, variant):
    async with answer.handling() as peer:
        for bad in (b"caf\xe9", b"\xff\xfe", "€".encode()[:2]):
            word = draw.word()
            conn = await peer.connect()
            await conn.send(bad + b"\n" + f"{word}\n".encode())
            said = "a line that is not UTF-8 gets an error as its reply"
            did = f"sent the line {bad!r}, and {word!r} behind it"
            assert_bytes(await line_from(conn, said, did), NOT_UTF8, said=said, did=did)
            await replied(conn, word, said="the line behind a bad one gets its reply")


@exercise.check(
    "CR and LF in two reads",
    points=1,
    misconception="recv-is-a-message",
    hints=[
        "Can a read end between the two bytes of a line ending?",
        "Look for the line feed in all that you collected; then for the carriage return.",
        r'Split at b"\n"; then line.removesuffix(b"\r") on each whole line.',
    ],
)
async def cr_and_lf_in_two_reads(answer, draw, variant):
    text = draw.word()
    for link, pieces in ((None, "one piece"), (cut_at(len(text) + 1, draw), "two pieces")):
        async with answer.handling(link=link) as peer:
            conn = await peer.connect()
            await conn.send(f"{text}\r\n".encode())
            conn.half_close()
            said = "CR LF ends one line and is no part of its text"
            did = f"sent {text!r} and CR LF in {pieces}, then half-closed"
            assert_bytes(await all_from(conn, did), reply_to(text), said=said, did=did)


@exercise.check(
    "one byte at a time",
    points=2,
    misconception="recv-is-a-message",
    hints=[
        "How much of a line does one recv return?",
        "A line can arrive in any number of pieces. Keep all of them until the line feed comes.",
        "Join what was left over with what came, and keep the join: unfinished + piece.",
    ],
)
async def one_byte_at_a_time(answer, draw, variant):
    async with answer.handling(link=Link(to_server={"cut": 1}, seed=draw.seed)) as peer:
        await asked(peer, f"{draw.word()} {draw.word()}")


@exercise.check(
    "many requests in one piece",
    points=2,
    misconception="recv-is-a-message",
    hints=[
        "How many lines can one recv return?",
        "Answer every whole line that you have, in order, before you read again.",
        "The limit of 1024 bytes is for each line: compare a line with it, not the whole buffer.",
    ],
)
async def many_requests_in_one_piece(answer, draw, variant):
    size = variant.limit * 35 // 256  # eight lines of it are more than the limit of one
    texts = [f"{number} {draw.word()}".ljust(size, ".") for number in range(1, 9)]
    async with answer.handling() as peer:
        await asked(peer, *texts)


@exercise.check(
    "every reply after a half-close",
    points=2,
    misconception="half-close-is-close",
    hints=[
        "When recv returns b'', who can still read?",
        "The client ended its own direction only. What you owe it still has to be sent, all of it.",
        "sendall each reply before you read again; then nothing is left over when b'' comes.",
    ],
)
async def every_reply_after_a_half_close(answer, draw, variant):
    texts = [draw.choice("abcdefghij") for _ in range(500)]
    async with answer.handling() as peer:
        conn = await peer.connect()
        await conn.send("".join(f"{text}\n" for text in texts).encode())
        conn.half_close()
        said = "the client ended its direction and reads on: every reply reaches it"
        did = f"sent {len(texts)} requests in one piece, half-closed, then read to the end"
        assert_bytes(await all_from(conn, did), b"".join(map(reply_to, texts)), said=said, did=did)


@exercise.check(
    "an unfinished line gets no reply",
    points=1,
    misconception="eof-is-an-exception",
    hints=[
        "What do you do with the bytes that are left over when recv returns b''?",
        "Without its line feed a line is not a request: its other half was never sent.",
        "When recv returns b'', return from handle. What is left over is dropped.",
    ],
)
async def an_unfinished_line_gets_no_reply(answer, draw, variant):
    text = draw.word()
    async with answer.handling() as peer:
        conn = await peer.connect()
        await conn.send(f"{text}\n{draw.word()}".encode())
        conn.half_close()
        said = "the stream ended inside of the second line, which gets no reply"
        did = "sent one line and the start of another, then half-closed"
        assert_bytes(await all_from(conn, did), reply_to(text), said=said, did=did)


@exercise.check(
    "white space belongs to the text",
    points=1,
    misconception="strip-knows-the-protocol",
    hints=[
        "What does strip() take away besides the line ending?",
        "Spaces and tabs at both ends of a line belong to its text, and they count.",
        "removesuffix takes away exactly the bytes that you name.",
    ],
)
async def white_space_belongs_to_the_text(answer, draw, variant):
    async with answer.handling() as peer:
        for text in (f"  {draw.word()}", f"{draw.word()} \t", " "):
            await asked(peer, text)


@exercise.check(
    "only a line feed ends a line",
    points=1,
    misconception="strip-knows-the-protocol",
    hints=[
        "How many kinds of line ending does splitlines() know?",
        "In this protocol only the byte 0a ends a line. U+2028, U+0085 and a lone CR are text.",
        r'Split the bytes at b"\n" before you decode; then take one b"\r" from the end of a line.',
    ],
)
async def only_a_line_feed_ends_a_line(answer, draw, variant):
    async with answer.handling() as peer:
        for separator in ("\u2028", "\x85", "\x0b", "\x0c", "\r"):
            await asked(peer, f"{draw.word()}{separator}{draw.word()}")
        await asked(peer, f"{draw.word()}\r", ending="\r\n")  # one CR belongs to the ending


@exercise.check(
    "an empty line is a request",
    points=1,
    misconception="empty-means-the-end",
    hints=[
        "What do you do with a line that has nothing before its line feed?",
        "An empty text is a text: the reply is a 0, a space and a line feed.",
        "Only b'' from recv is the end. Do not test lines with `if not line`.",
    ],
)
async def an_empty_line_is_a_request(answer, draw, variant):
    async with answer.handling() as peer:
        await asked(peer, "")
        await asked(peer, "", ending="\r\n")


@exercise.check(
    "the limit of a line, to the byte",
    points=1,
    misconception="every-line-ends",
    hints=[
        "What exactly is counted, and does the limit itself belong to what is allowed?",
        "Count the bytes before the line feed: 1024 are a request, 1025 are too many.",
        "if len(line) > 1024, on the bytes: send `error: line too long`, close, and return.",
    ],
)
async def the_limit_of_a_line(answer, draw, variant):
    limit = variant.limit
    async with answer.handling() as peer:
        await asked(peer, draw.word().ljust(limit, "."))
        await asked(peer, draw.word().ljust(limit - 1, "."), ending="\r\n")
        whole = draw.word().ljust(limit, ".")
        for text in (f"{whole}.", "é" * (limit // 2 + 1), f"{whole}\r"):
            conn = await peer.connect()
            await conn.send(f"{text}\n".encode())
            carriage = ", the last of which is a carriage return," if text.endswith("\r") else ""
            size = len(text.encode())
            await refused(conn, f"sent a line of {size} bytes{carriage} and its line feed")


@exercise.check(
    "a line that does not end",
    points=2,
    misconception="every-line-ends",
    hints=[
        "How much memory does a client cost that never sends a line feed?",
        "What is left over can be too long as well: compare it with the limit after every read.",
        "After the loop over whole lines: if len(unfinished) > 1024, refuse, close and return.",
    ],
)
async def a_line_that_does_not_end(answer, draw, variant):
    limit = variant.limit
    first = draw.integer(limit * 125 // 256, limit * 175 // 256)
    for link, pieces in ((None, "one piece"), (cut_at(first, draw), "two pieces")):
        async with answer.handling(link=link) as peer:
            conn = await peer.connect()
            await conn.send(draw.word().ljust(limit + 1, ".").encode())
            did = f"sent {limit + 1} bytes in {pieces}, no line feed, and kept the connection open"
            await refused(conn, did)


@exercise.check(
    "closes the connection",
    points=1,
    misconception="python-closes-sockets",
    hints=[
        "handle has returned. Who tells the client that nothing more will come?",
        "A socket stays open as long as something in the program still knows it.",
        "Put all of handle into `with connection:`.",
    ],
)
async def closes_the_connection(answer, draw, variant):
    async with answer.handling(close=False) as peer:
        conn = await peer.connect()
        await conn.send(f"{draw.word()}\n".encode())
        conn.half_close()
        await peer.all_handled(timeout=PATIENCE)
        did = "sent one request, half-closed, and waited until handle had returned"
        await all_from(conn, did)


@exercise.check(
    "two clients at once",
    points=1,
    misconception="one-buffer-is-enough",
    hints=[
        "Where does the start of an unfinished line wait for its rest?",
        "Every connection needs a buffer that is its own.",
        "Make the buffer a local variable of handle, not one of the module.",
    ],
)
async def two_clients_at_once(answer, draw, variant):
    async with answer.handling() as peer:
        one, two = draw.word(), draw.word()
        first = await peer.connect()
        await first.send(f"{one}\nhalf a li".encode())
        await replied(first, one)
        second = await peer.connect()
        await second.send(f"{two}\n".encode())
        await replied(second, two, said="bytes of one client never turn up in another's reply")
