"""Checks of the exercise `chunked`: a body that comes in chunks.

The step `chunked.size` reads the line before a chunk. In `chunked` the class `Chunks` of the answer
is fed bodies (`Probe`), each from a new connection. Each check is about one rule and feeds them
whole; "however the body is cut" feeds those in pieces that have nothing behind them, and compares
with what the same answer makes of them whole.

A probe says what h11 and Tornado do with it, behind the head of a request; tests/http1/
test_probes.py holds that against the two.
"""

from typing import NamedTuple

from labsupport.checking import AnswerRaised, Exercise, Mismatch, assert_equal, assert_that
from labsupport.checking.asserts import having
from labsupport.checking.showing import show

BODY = 1_048_576  # bytes of a body at most, unless the caller says else
LINES = 1024  # bytes of the line of a size, and of all trailers
ROOM = 300  # characters of a body that feedback shows
PARTS = ("kind", "body", "trailers", "rest")
TAKEN = "h11 and Tornado take it"
REFUSED = "h11 and Tornado refuse it"
H11_TAKES = "h11 takes it, Tornado refuses it"
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
    minutes=40,
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
    taken("sizes with zeros before them", b"0005\r\nhello\r\n000\r\n\r\n", b"hello"),
]  # fmt: skip

DIGITS = [
    refused("a size of +5", b"+5\r\nhello\r\n" + END),
    refused("a size of -5", b"-5\r\nhello\r\n" + END),
    refused("a size of 0x5", b"0x5\r\nhello\r\n" + END),
    refused("a size of 0_5", b"0_5\r\nhello\r\n" + END),
    refused("a blank before a size", b" 5\r\nhello\r\n" + END),
    refused("a blank behind a size, and no extension", b"5 \r\nhello\r\n" + END,
            others=H11_TAKES, rule="RFC 9112, section 7.1.1: blanks may stand before a semicolon"),
    refused("a size of nothing", b"\r\nhello\r\n" + END),
    refused("a size of nothing, and a blank line", b"\r\n\r\n"),
    refused("a size that is no number", b"five\r\nhello\r\n" + END),
    refused("an extension without a size", b";a=b\r\nhello\r\n" + END),
]  # fmt: skip

IGNORE = "RFC 9112, section 7.1.1: a recipient ignores the extensions that it does not know"
EXTENSIONS = [
    taken("an extension", b"5;a=b\r\nhello\r\n" + END, b"hello", H11_TAKES, IGNORE),
    taken("two extensions, one with a quoted value", b'5;a;b="c;d"\r\nhello\r\n' + END, b"hello",
          H11_TAKES, IGNORE),
    taken("an extension of the last chunk", HELLO + b"0;a=b\r\n\r\n", b"hello", H11_TAKES, IGNORE),
    taken("blanks before the semicolon", b"5 \t;a=b\r\nhello\r\n" + END, b"hello", REFUSED,
          "RFC 9112, section 7.1.1: blanks may stand before a semicolon, and mean nothing"),
    refused("a line feed in an extension", b"5;a\nb\r\nhello\r\n" + END, rule=IGNORE),
    refused("a CR in an extension", b"5;a\rb\r\nhello\r\n" + END, others=H11_TAKES,
            rule="RFC 9112, section 2.2: a CR without LF makes its element invalid"),
]  # fmt: skip

ENDS = [
    refused("a chunk that is longer than its size", b"4\r\nhello\r\n" + END),
    refused("a chunk that is shorter than its size", b"6\r\nhello\r\n" + END),
    refused("other bytes in the place of CR LF", b"5\r\nhelloXX0\r\n\r\n"),
    refused("a chunk that ends in LF alone", b"5\r\nhello\n" + END),
    refused("a size that ends in LF alone", b"5\nhello\r\n" + END,
            rule="RFC 9112, section 2.2: LF alone may end the lines of a head, and no others"),
]  # fmt: skip

APART = "RFC 9112, section 7.1.2: trailers are kept apart from the head, or dropped"
TRAILERS = [
    taken("a trailer", HELLO + b"0\r\nDigest: abc=\r\n\r\n", b"hello", H11_TAKES, APART,
          trailers=[(b"digest", b"abc=")]),
    taken("two trailers of one name", HELLO + b"0\r\nX: a\r\nY:\r\nx:\t b c \r\n\r\n", b"hello",
          H11_TAKES, APART, trailers=[(b"x", b"a"), (b"y", b""), (b"x", b"b c")]),
    taken("a length among the trailers, which comes too late",
          HELLO + b"0\r\nContent-Length: 99\r\n\r\n", b"hello", H11_TAKES, APART,
          trailers=[(b"content-length", b"99")]),
    refused("a space before the colon of a trailer", HELLO + b"0\r\nX : a\r\n\r\n",
            rule="RFC 9112, section 5.1"),
    refused("a trailer without a colon", HELLO + b"0\r\nGET / HTTP/1.1\r\n\r\n",
            rule="RFC 9112, section 5.1"),
    refused("a NUL in a trailer", HELLO + b"0\r\nX: a\0b\r\n\r\n", rule="RFC 9110, section 5.5"),
]  # fmt: skip

BEHIND = [
    taken("a request behind the body", HELLO + END, b"hello", rest=GET),
    taken("a request behind a trailer", HELLO + b"0\r\nX: a\r\n\r\n", b"hello", H11_TAKES, APART,
          trailers=[(b"x", b"a")], rest=GET),
    taken("two requests behind no chunk", END, b"", rest=GET + GET),
]  # fmt: skip

PROBES = [*JOINED, *DIGITS, *EXTENSIONS, *ENDS, *TRAILERS, *BEHIND]


def cut(data, at):
    """A body that is cut there, in words: the bytes around the cut."""
    return f"cut behind byte {at}: {show(data[max(0, at - 24) : at])} | {show(data[at:], 24)}"


def beside(probe):
    """What h11 and Tornado do with a body, whom the task goes with where they differ, and why."""
    said = probe.others
    takes = probe.event[0] == "body"
    if probe.others == H11_TAKES:
        said += f"; the task goes with {'h11' if takes else 'Tornado'}"
    elif takes != (probe.others == TAKEN):
        said += "; the task goes with neither"
    return f"{said}. {probe.rule}." if probe.rule else f"{said}."


async def results_of(answer, runs, *limits):
    """For each run a new Chunks; what each of its feeds returned."""
    try:
        return await answer.replay("Chunks", "feed", runs, *limits)
    except AnswerRaised:  # once more, one by one: the call that raises is named
        made = []
        for run in runs:
            chunks = await answer.new("Chunks", *limits)
            made.append([await chunks.call("feed", piece) for piece in run])
        return made


def differing(got, wanted, said, did, probe):
    """Fail unless both are equal: name the part, and say what others do with this body."""
    try:
        if all(isinstance(event, tuple) and event[:1] == ("body",) for event in (got, wanted)):
            for part, came, due in zip(PARTS, got, wanted, strict=False):
                assert_equal(came, due, said=f"{said}: the {part}", did=did)
        assert_equal(got, wanted, said=said, did=did)
    except Mismatch as mismatch:
        mismatch.notes.append(beside(probe))
        raise


async def whole(answer, probes, said):
    """Each body, in one piece to a new Chunks, gives the event that is due."""
    for probe, [got] in zip(
        probes, await results_of(answer, [[probe.data] for probe in probes]), strict=True
    ):
        did = f"fed {probe.what}, in one piece: {show(probe.data, ROOM)}"
        differing(got, probe.event, said, did, probe)


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
    good = {b"%x" % number: number, b"%X" % number: number, b"0": 0, b"000a": 10}
    bad = [b"+5", b"-5", b"0x5", b"1_0", b"", b" 5", b"5 ", b"5\t", b"g", b"5.0", b"5\n", b"5\r"]
    for line in [*good, *bad]:
        assert_equal(
            await answer.call("size_of", line),
            good.get(line),
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
    for line in (b"5;a\nb", b"5;a\rb", b"5;a\0", b";a", b" ;a"):
        assert_equal(
            await answer.call("size_of", line),
            None,
            said="without a size, or with a control character behind it, the line is none",
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
    [[came]] = await results_of(answer, [[HELLO + END]])
    assert_that(
        isinstance(came, tuple) and came[:1] == ("body",),
        "a body in one piece is an event",
        expected=show(("body", b"hello", [], b"")),
        got=show(came),
        did=f"fed {show(HELLO + END)}",
    )
    for probe in PROBES:
        if probe in BEHIND:
            continue
        data = probe.data
        cuts = range(1, len(data))
        runs = [[data], *([data[:at], data[at:]] for at in cuts), [bytes([byte]) for byte in data]]
        ways = [*(cut(data, at) for at in cuts), f"byte by byte: {show(data, ROOM)}"]
        [[first], *results] = await results_of(answer, runs)
        for way, made in zip(ways, results, strict=True):
            did = f"fed {probe.what}, {way}"
            events = [event for event in made if event is not None]
            assert_that(
                len(events) <= 1,
                "a body is one event, and feed returns None from then on",
                expected="one event",
                got=show(events),
                did=did,
            )
            said = "however a body is cut, the event is that of the whole"
            differing(events[0] if events else None, first, said, did, probe)


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
    await whole(answer, ENDS, "a chunk that does not end in CR LF is answered 400")


@exercise.check(
    "trailers are kept apart",
    points=2,
    misconception="last-field-wins",
    hints=[
        "What may come between the last chunk and the blank line?",
        "Lines of fields, by the rules of the head. They are a list of pairs; none is obeyed.",
        "Take lines until an empty one; name.lower(), and the value without blanks around it.",
    ],
)
async def trailers_are_kept_apart(answer, draw, variant):
    await whole(answer, TRAILERS, "trailers are a list of pairs, by the rules for fields")


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
            [[got, later]] = await results_of(answer, [[probe.data[:at], probe.data[at:]]])
            did = f"fed {probe.what}, in two pieces, the second {behind} bytes behind the body"
            differing(got, (*probe.event[:3], probe.data[size:at]), said, did, probe)
            assert_equal(later, None, said="after the event feed returns None", did=did)


@exercise.check(
    "limits",
    points=2,
    misconception="length-can-be-trusted",
    hints=[
        "When is it known that a body is too long?",
        "When a size says so: compare before its data comes. Lines have limits, too, also those "
        "that have not ended.",
        "len(body) + size > limit: 413. More bytes than `lines` before the CR LF: 400 in a size, "
        "431 in the trailers, all of which count together with the blank line.",
    ],
)
async def limits(answer, draw, variant):
    got = ("body", b"hello", [], b"")
    long_one = b"5;" + b"a" * 6 + b"\r\nhello\r\n"  # 10 bytes, and the last chunk has 3
    trailer = ("body", b"hello", [(b"x", b"abcd")], b"")
    for room, data, wanted, what in (
        ((5,), HELLO + END, got, "a body as long as the limit"),
        ((4,), b"5\r\n", ("error", 413), "a size that is one more than the limit"),
        ((9,), HELLO + b"5\r\n", ("error", 413), "a second size, beyond what is left"),
        ((10,), b"f" * 900 + b"\r\n", ("error", 413), "a size of 900 digits"),
        ((5, 10), long_one + END, got, "the line of a size as long as the limit"),
        ((5, 9), long_one + END, ("error", 400), "the line of a size beyond the limit"),
        ((5, 9), b"5;" + b"a" * 8, ("error", 400), "a line that does not end, beyond the limit"),
        ((5, 11), HELLO + b"0\r\nX: abcd\r\n\r\n", trailer, "trailers as long as the limit"),
        ((5, 10), HELLO + b"0\r\nX: abcd\r\n\r\n", ("error", 431), "trailers beyond the limit"),
        ((5, 10), HELLO + b"0\r\nX: a\r\nY: b\r\n", ("error", 431), "two that are too long"),
        ((5, 10), HELLO + b"0\r\nX: abcdefgh", ("error", 431), "a trailer that does not end"),
    ):
        with having(f"fed {what} to Chunks{room}: {show(data)}"):
            [[event]] = await results_of(answer, [[data]], *room)
            assert_equal(event, wanted, said="the limits are kept, and they themselves are allowed")
    most = b"%x\r\n" % BODY + bytes(BODY) + b"\r\n"
    for data, wanted, what in (
        (most + END, "body", f"a body of {BODY:,} bytes"),
        (b"%x\r\n" % (BODY + 1), "error", f"a size of {BODY + 1:,}"),
        (b"0;".ljust(LINES - 2, b"a") + b"\r\n\r\n", "body", f"a line of {LINES:,} bytes"),
        (b"0;".ljust(LINES - 1, b"a") + b"\r\n\r\n", "error", f"a line of {LINES + 1:,} bytes"),
    ):
        [[event]] = await results_of(answer, [[data]])
        assert_equal(
            event[:1] if isinstance(event, tuple) else event,
            (wanted,),
            said="these are the limits when the caller gives none",
            did=f"fed {what} to Chunks()",
        )
