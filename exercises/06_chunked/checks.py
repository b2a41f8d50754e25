"""Checks of the exercise `chunked`: a body that comes in chunks.

The step `chunked.size` reads the line before a chunk. In `chunked` the class `Chunks` of the answer
is fed bodies (`Probe`), each from a new connection. Each check is about one rule and feeds them
whole; "however the body is cut" feeds those in pieces that have nothing behind them, and compares
with what the same answer makes of them whole.

A probe says what h11 and Tornado do with it, behind the head of a request; tests/http1/
test_probes.py holds that against the two.
"""

from contextlib import nullcontext
from typing import NamedTuple

from labsupport.checking import Exercise, assert_equal, assert_that
from labsupport.checking.asserts import apart
from labsupport.checking.readings import (
    H11_TAKES,
    REFUSED,
    TAKEN,
    assert_event,
    beside,
    cut_in_words,
    every_cut,
)
from labsupport.checking.showing import count, same, show

BODY = 1_048_576  # bytes of a body at most, unless the caller says else
LINES = 1024  # bytes of the line of a size, and of all trailers
ROOM = 300  # characters of a body that feedback shows
OVER = (
    "What does your Chunks do with what comes behind its event?",
    "A flag that is set with the event, also with an error; if it is set, feed returns None.",
)
BEGIN = "Begin with the other checks: they feed this in one piece."
PARTS = {"body": ("kind", "body", "trailers", "rest"), "error": ("kind", "status")}
HEAD = b"POST / HTTP/1.1\r\nHost: example\r\nTransfer-Encoding: chunked\r\n\r\n"

step = Exercise(
    "chunked.size",
    title="chunked, the step: the line before a chunk",
    lesson="06a",
    minutes=5,
    kind="stretch",
    entry="size_of(line) -> int or None",
)

exercise = Exercise(
    "chunked",
    title="chunked: a body that comes in chunks",
    lesson="06a",
    minutes=45,
    kind="stretch",
    entry="class Chunks(body, lines), feed(data) -> event or None",
)


class Probe(NamedTuple):
    """A body in chunks, and the event that is due. others: h11 and Tornado. rule: what decides."""

    what: str
    data: bytes
    event: tuple
    others: str
    rule: str = ""


def taken(what, data, body, others=TAKEN, rule="", *, trailers=(), rest=b""):
    """A body that is taken; rest: what lies behind it."""
    return Probe(what, data + rest, ("body", body, list(trailers), rest), others, rule)


def refused(what, data, others=REFUSED, rule="RFC 9112, section 7.1", status=400):
    """A body that is refused."""
    return Probe(what, data, ("error", status), others, rule)


END = b"0\r\n\r\n"
HELLO = b"5\r\nhello\r\n"
GET = b"GET /next HTTP/1.1\r\nHost: example\r\n\r\n"

JOINED = [
    taken("one chunk", HELLO + END, b"hello"),
    taken("two chunks, the second of A, which is ten", HELLO + b"A\r\n, dear Ada\r\n" + END,
          b"hello, dear Ada"),
    taken("a chunk of 1a, which is 26", b"1a\r\n%s\r\n" % bytes(range(97, 123)) + END,
          bytes(range(97, 123))),
    taken("no chunk but the last", END, b""),
    taken("a chunk with line ends and a last chunk in it", b"9\r\n\r\n0\r\n\r\n\r\n\r\n" + END,
          b"\r\n0\r\n\r\n\r\n"),
    taken("a chunk with any bytes", b"4\r\n\x00\xff\n\r\r\n" + END, b"\x00\xff\n\r"),
]  # fmt: skip

ZEROS = [
    taken("sizes with zeros before them", b"0005\r\nhello\r\n000\r\n\r\n", b"hello"),
    taken("a size of 20 digits, most of them zeros", b"0" * 19 + b"5\r\nhello\r\n" + END, b"hello"),
]  # fmt: skip

DIGITS = [
    refused("a size of +5", b"+5\r\nhello\r\n" + END),
    refused("a size of -5", b"-5\r\nhello\r\n" + END),
    refused("a size of 0x5", b"0x5\r\nhello\r\n" + END),
    refused("a size of 0_5", b"0_5\r\nhello\r\n" + END),
    refused("a blank before a size", b" 5\r\nhello\r\n" + END),
    refused("a blank behind a size, and no extension", b"5 \r\nhello\r\n" + END,
            others=H11_TAKES, rule="RFC 9112, section 7.1.1: blanks may stand before a semicolon"),
    refused("two CR behind a size", b"5\r\r\nhello\r\n" + END),
    refused("a size of nothing", b"\r\nhello\r\n" + END),
    refused("a size of nothing, and a blank line", b"\r\n\r\n"),
    refused("a size that is no number", b"five\r\nhello\r\n" + END),
    refused("an extension without a size", b";a=b\r\nhello\r\n" + END),
]  # fmt: skip

IGNORE = "RFC 9112, section 7.1.1: a recipient ignores the extensions that it does not know"
WORDS = "RFC 9112, section 7.1.1: an extension is tokens and quoted strings, without such bytes"
EXTENSIONS = [
    taken("an extension", b"5;a=b\r\nhello\r\n" + END, b"hello", H11_TAKES, IGNORE),
    taken("two extensions, one with a quoted value", b'5;a;b="c;d"\r\nhello\r\n' + END, b"hello",
          H11_TAKES, IGNORE),
    taken("an extension of the last chunk", HELLO + b"0;a=b\r\n\r\n", b"hello", H11_TAKES, IGNORE),
    taken("blanks before the semicolon", b"5 \t;a=b\r\nhello\r\n" + END, b"hello", REFUSED,
          "RFC 9112, section 7.1.1: blanks may stand before a semicolon, and mean nothing"),
    refused("a vertical tab before the semicolon", b"5\x0b;a=b\r\nhello\r\n" + END),
    refused("a DEL in an extension", b"5;a\x7fb\r\nhello\r\n" + END, others=H11_TAKES, rule=WORDS),
    refused("a line feed in an extension", b"5;a\nb\r\nhello\r\n" + END, rule=WORDS),
    refused("a CR in an extension", b"5;a\rb\r\nhello\r\n" + END, others=H11_TAKES,
            rule="RFC 9112, section 2.2: a CR without LF makes its element invalid"),
]  # fmt: skip

ENDS = [
    refused("a chunk that is longer than its size", b"4\r\nhello\r\n" + END),
    refused("a chunk that is shorter than its size", b"6\r\nhello\r\n" + END),
    refused("other bytes in the place of CR LF", b"5\r\nhelloXX0\r\n\r\n"),
    refused("CR and another byte behind a chunk", b"5\r\nhello\rX0\r\n\r\n"),
    refused("a chunk that ends in LF alone", b"5\r\nhello\n" + END),
    refused("a size that ends in LF alone", b"5\nhello\r\n" + END,
            rule="RFC 9112, section 2.2: LF alone may end the lines of a head, and no others"),
]  # fmt: skip

# Tornado waits for two bytes behind a chunk: it cannot be asked what it does with this.
EARLY = refused("a chunk, and one byte behind it", b"5\r\nhelloX", others="h11 refuses it")

APART = "RFC 9112, section 7.1.2: trailers are kept apart from the head, or dropped"
TRAILERS = [
    taken("a trailer", HELLO + b"0\r\nDigest: abc=\r\n\r\n", b"hello", H11_TAKES, APART,
          trailers=[(b"digest", b"abc=")]),
    taken("a length among the trailers, which comes too late",
          HELLO + b"0\r\nContent-Length: 99\r\n\r\n", b"hello", H11_TAKES, APART,
          trailers=[(b"content-length", b"99")]),
]  # fmt: skip

TWICE = taken(
    "two trailers of one name",
    HELLO + b"0\r\nX: a\r\nY:\r\nx:\t b c \r\n\r\n", b"hello", H11_TAKES, APART,
    trailers=[(b"x", b"a"), (b"y", b""), (b"x", b"b c")],
)  # fmt: skip

NO_TRAILERS = [
    refused("a space before the colon of a trailer", HELLO + b"0\r\nX : a\r\n\r\n",
            rule="RFC 9112, section 5.1"),
    refused("a space before the name of a trailer", HELLO + b"0\r\n X: a\r\n\r\n",
            rule="RFC 9112, section 5.1"),
    refused("a trailer without a colon", HELLO + b"0\r\nGET / HTTP/1.1\r\n\r\n",
            rule="RFC 9112, section 5.1"),
    refused("two CR behind a trailer", HELLO + b"0\r\nX: a\r\r\n\r\n",
            rule="RFC 9112, section 2.2"),
    refused("a DEL in a trailer", HELLO + b"0\r\nX: a\x7fb\r\n\r\n", others=H11_TAKES,
            rule="RFC 9110, section 5.5"),
    refused("a NUL in a trailer", HELLO + b"0\r\nX: a\0b\r\n\r\n", rule="RFC 9110, section 5.5"),
]  # fmt: skip

BEHIND = [
    taken("a request behind the body", HELLO + END, b"hello", rest=GET),
    taken("a request behind a trailer", HELLO + b"0\r\nX: a\r\n\r\n", b"hello", H11_TAKES, APART,
          trailers=[(b"x", b"a")], rest=GET),
    taken("two requests behind no chunk", END, b"", rest=GET + GET),
]  # fmt: skip

UNCUT = [
    *JOINED, *ZEROS, *DIGITS, *EXTENSIONS, *ENDS, *TRAILERS, TWICE, *NO_TRAILERS,
]  # fmt: skip
PROBES = [*UNCUT, *BEHIND]


def compared(got, due, said, did, probe):
    """Fail unless this is the event that is due, or None; say what others do with this body."""
    with beside(probe.others, probe.rule, takes=probe.event[0] == "body"):
        assert_event(got, due, PARTS, said, did)


async def whole(answer, probes, said):
    """Each body, in one piece to a new Chunks, gives the event that is due."""
    runs = [[probe.data] for probe in probes]
    for probe, [got] in zip(probes, await answer.replay("Chunks", "feed", runs), strict=True):
        did = f"fed {probe.what}, in one piece: {show(probe.data, ROOM)}"
        compared(got, probe.event, said, did, probe)


# ---- the step: the line before a chunk


@step.check(
    "a size is hexadecimal digits",
    points=1,
    misconception="int-reads-digits-only",
    hints=[
        "What does int make of b'+5', b'0x5' and b'1_0', with the base 16?",
        "Test the size before you call int: digits, and letters from a to f in either case.",
        'HEX = frozenset(b"0123456789abcdefABCDEF"), then size and HEX.issuperset(size).',
    ],
)
async def a_size_is_digits(answer, draw, variant):
    number = draw.integer(256, 70_000)
    good = {b"%x" % number: number, b"%X" % number: number, b"0": 0, b"0" * 19 + b"a": 10}
    bad = [b"+5", b"-5", b"0x5", b"1_0", b"", b" 5", b"5 ", b"5\t", b"g", b"5.0", b"5\n", b"5\r"]
    with apart("Digits and letters from a to f, in either case, any number of them: one size."):
        for line, size in good.items():
            assert_equal(
                await answer.call("size_of", line),
                size,
                said="hexadecimal digits are a size",
                did=f"called size_of({line!r})",
            )
    for line in bad:
        assert_equal(
            await answer.call("size_of", line),
            None,
            said="a size is hexadecimal digits and nothing else",
            did=f"called size_of({line!r})",
        )


@step.check(
    "an extension says nothing",
    points=1,
    hints=[
        "Where does the size end?",
        "At the semicolon, if there is one; blanks right before it go, too.",
        'line.partition(b";"): the first part is the size, the last the extension. No control '
        "character but the tab may be in it.",
    ],
)
async def an_extension_says_nothing(answer, draw, variant):
    for line in (b"1f;a=b", b"1f;", b'1f;a;b="c;d"', b"1f ;a", b"1f \t;\ta", b"1f;\xe9"):
        assert_equal(
            await answer.call("size_of", line),
            31,
            said="the size ends at the semicolon, or at the blanks before it",
            did=f"called size_of({line!r})",
        )
    for line in (b"5;a\nb", b"5;a\rb", b"5;a\0", b"5;a\x7f", b"5\x0b;a", b";a", b" ;a"):
        assert_equal(
            await answer.call("size_of", line),
            None,
            said="without a size, or with a control character behind it, this is no line of a size",
            did=f"called size_of({line!r})",
        )


# ---- the build: class Chunks


@exercise.check(
    "chunks are joined",
    points=2,
    hints=[
        "Which number is A, and which is 10?",
        "Sizes are hexadecimal. The body is the data of the chunks, without sizes and line ends.",
        "A chunk is taken by its size, whatever is in it: never look for CR LF in its data.",
    ],
)
async def chunks_are_joined(answer, draw, variant):
    said = "the body is the data of all chunks, one behind the other"
    await whole(answer, JOINED, said)
    with apart(
        "Which number is 0005, and which is 000?",
        "Zeros may stand before a size. The last chunk has the size 0: compare the number that "
        "size_of returns, not the text.",
    ):
        await whole(answer, ZEROS, said)
    pieces = [draw.bytes(size) for size in draw.sizes(draw.integer(300, 900), 200)]
    data = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    drawn = taken(f"{len(pieces)} chunks of random bytes", data + END, b"".join(pieces))
    await whole(answer, [drawn], said)


@exercise.check(
    "however the body is cut",
    points=3,
    misconception="recv-is-a-message",
    hints=[
        "What does your object know when a piece ends inside of a size, or between CR and LF?",
        "Keep what is not used, and which part is due: a size, data, the end of a chunk, trailers.",
        "One method for each part, which takes what it needs or leaves all as it is. Data may be "
        "taken in pieces: count what is missing.",
    ],
    deadline=30.0,
)
async def however_the_body_is_cut(answer, draw, variant):
    [[came]] = await answer.replay("Chunks", "feed", [[HELLO + END]])
    with apart("Begin with the check `chunks are joined`."):
        assert_that(
            isinstance(came, tuple) and came[:1] == ("body",),
            "a body in one piece is an event",
            expected=show(("body", b"hello", [], b"")),
            got=show(came),
            did=f"fed {show(HELLO + END)}",
        )
    with apart(BEGIN):
        wholes = await answer.replay("Chunks", "feed", [[probe.data] for probe in UNCUT])
    for probe, [first] in zip(UNCUT, wholes, strict=True):
        runs = every_cut(probe.data)
        results = await answer.replay("Chunks", "feed", runs)
        right = first == probe.event
        said = "however a body is cut, the event is that of the whole"
        mind = "" if right else "; expected is what it made of the whole, which is wrong itself"
        with nullcontext() if right else apart(BEGIN):
            for pieces, made in zip(runs, results, strict=True):
                events = [event for event in made if event is not None]
                if len(events) == 1 and same(events[0], first):
                    continue
                did = f"fed {probe.what}, {cut_in_words(pieces)}{mind}"
                with apart(*OVER):
                    assert_that(
                        len(events) <= 1,
                        "a body is one event, and feed returns None from then on",
                        expected="one event",
                        got=show(events),
                        did=did,
                    )
                compared(events[0] if events else None, first, said, did, probe)


@exercise.check(
    "a size is digits",
    points=2,
    misconception="int-reads-digits-only",
    hints=[
        "What does int take for a number, with the base 16?",
        "Signs, underscores, blanks and 0x are no sizes: test before you call int.",
        "Copy size_of of the step, and answer 400 where it returns None.",
    ],
)
async def a_size_is_digits_only(answer, draw, variant):
    await whole(answer, DIGITS, "a size that is not hexadecimal digits alone is answered 400")


@exercise.check(
    "extensions are ignored",
    points=1,
    hints=[
        "What may stand behind a size?",
        "A semicolon, and anything but control characters. It is not your affair.",
        'line.partition(b";"), and blanks before the semicolon go.',
    ],
)
async def extensions_are_ignored(answer, draw, variant):
    await whole(answer, EXTENSIONS, "what stands behind a semicolon changes nothing")


@exercise.check(
    "a chunk ends where it says",
    points=2,
    misconception="length-can-be-trusted",
    hints=[
        "What has to stand behind the data of a chunk?",
        "CR LF, and nothing else: whoever counted otherwise has read other chunks than you.",
        r'Compare the two bytes with b"\r\n" before you drop them; 400 if they are others.',
    ],
)
async def a_chunk_ends_where_it_says(answer, draw, variant):
    said = "a chunk that does not end in CR LF is answered 400"
    await whole(answer, ENDS, said)
    with apart(
        "How many bytes have to come, until it is known that they are wrong?",
        "One is enough where it is not CR: no byte that follows can mend it.",
        r'b"\r\n".startswith(...) is true of b"", of b"\r" and of b"\r\n".',
    ):
        await whole(answer, [EARLY], f"{said}, as soon as a byte is wrong")


@exercise.check(
    "trailers are kept apart",
    points=2,
    misconception="last-field-wins",
    hints=[
        "What does a dictionary keep of two lines with one name?",
        "All trailers are kept: a list of pairs, in the order of their lines.",
        "trailers.append((name.lower(), value)), with the value without blanks around it.",
    ],
)
async def trailers_are_kept_apart(answer, draw, variant):
    with apart(
        "What may come between the last chunk and the blank line?",
        "Lines of fields, by the rules of the head. They are a list of pairs; none is obeyed.",
        "Take lines until an empty one; name.lower(), and the value without blanks around it.",
    ):
        await whole(answer, TRAILERS, "trailers are a list of pairs, and none is obeyed")
    await whole(answer, [TWICE], "trailers are a list of pairs, and each line is one")
    with apart(
        "Which bytes may stand in a name, and which in a value?",
        "A name is a token: no space is in it, nor before it, nor behind it. Only the tab is a "
        "control character that a value may have.",
        'line.partition(b":") and TOKEN.issuperset(name), without strip() before it.',
    ):
        await whole(answer, NO_TRAILERS, "what is no field is no trailer, and is answered 400")


@exercise.check(
    "what lies behind belongs to the next request",
    points=1,
    misconception="blank-line-in-one-recv",
    hints=[
        "Where does the body end, when one piece holds it and the next request?",
        "With the blank line behind the last chunk. What is left over goes back to the caller.",
        "The last part of the event is what you keep and have not used.",
    ],
)
async def what_lies_behind(answer, draw, variant):
    said = "what lies behind the body is handed back"
    await whole(answer, BEHIND, said)
    for probe in BEHIND:
        size = len(probe.data) - len(probe.event[3])
        for behind in (0, 1, draw.integer(2, 30)):
            at = size + behind
            run = [probe.data[:at], probe.data[at:]]
            [[got, later]] = await answer.replay("Chunks", "feed", [run])
            did = f"fed {probe.what}, {count(behind, 'byte')} of it with the body, then the others"
            compared(got, (*probe.event[:3], probe.data[size:at]), said, did, probe)
            with apart(*OVER):
                assert_equal(later, None, said="after the event feed returns None", did=did)


@exercise.check(
    "limits",
    points=2,
    misconception="length-can-be-trusted",
    hints=[
        "When is it known that a body is too long?",
        "When a size says so: compare before its data comes. What has come counts, too.",
        "len(body) + size > limit: 413.",
    ],
)
async def limits(answer, draw, variant):
    got = ("body", b"hello", [], b"")
    for room, data, due, what in (
        ((5,), HELLO + END, got, "a body of 5 bytes"),
        ((4,), b"5\r\n", ("error", 413), "a size of 5"),
        ((9,), HELLO + b"5\r\n", ("error", 413), "5 bytes, and another size of 5"),
        ((10,), b"f" * 900 + b"\r\n", ("error", 413), "a size of 900 digits"),
    ):
        await limited(answer, room, data, due, what)
    long_one = b"5;" + b"a" * 6 + b"\r\nhello\r\n"  # 10 bytes, and the last chunk has 3
    two = HELLO + b"0\r\nX: a\r\nY: b\r\n"
    trailer = HELLO + b"0\r\nX: abcd\r\n\r\n"
    kept = ("body", b"hello", [(b"x", b"abcd")], b"")
    with apart(
        "How much does your Chunks keep of a line that never ends?",
        "Lines have a limit, CR LF counted, also those that have not ended. All trailers count "
        "together, with the blank line.",
        "More than `lines` bytes, CR LF counted: 400 in a size, 431 in the trailers.",
    ):
        for room, data, due, what in (
            ((5, 10), long_one + END, got, "the line of a size, 10 bytes long"),
            ((5, 9), long_one + END, ("error", 400), "the line of a size, 10 bytes long"),
            ((5, 9), b"5;" + b"a" * 8, ("error", 400), "10 bytes of the line of a size"),
            ((5, 11), trailer, kept, "trailers of 11 bytes, with the blank line"),
            ((5, 10), trailer, ("error", 431), "trailers of 11 bytes, with the blank line"),
            ((5, 10), two, ("error", 431), "two trailers of 6 bytes each"),
            ((5, 10), HELLO + b"0\r\nX: abcdefgh", ("error", 431), "11 bytes of a trailer"),
        ):
            await limited(answer, room, data, due, what)
    most = b"%x\r\n" % BODY + bytes(BODY) + b"\r\n"
    for data, wanted, what in (
        (most + END, "body", f"a body of {BODY:,} bytes"),
        (b"%x\r\n" % (BODY + 1), "error", f"a size of {BODY + 1:,}"),
        (b"0;".ljust(LINES - 2, b"a") + b"\r\n\r\n", "body", f"a line of {LINES:,} bytes"),
        (b"0;".ljust(LINES - 1, b"a") + b"\r\n\r\n", "error", f"a line of {LINES + 1:,} bytes"),
    ):
        [[event]] = await answer.replay("Chunks", "feed", [[data]])
        with apart("A Chunks() has the limits 1_048_576 and 1024, which are allowed themselves."):
            assert_equal(
                event[:1] if isinstance(event, tuple) else event,
                (wanted,),
                said="these are the limits when the caller gives none",
                did=f"fed {what} to Chunks()",
            )


async def limited(answer, room, data, due, what):
    """A body fed to a Chunks with these limits gives the event that is due."""
    did = f"fed {what}, to Chunks({', '.join(map(str, room))}): {show(data, ROOM)}"
    [[event]] = await answer.replay("Chunks", "feed", [[data]], *room)
    assert_event(event, due, PARTS, "the limits are kept, and they themselves are allowed", did)
