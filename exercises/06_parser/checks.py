"""Checks of the exercise `parser`: requests of HTTP/1.1 out of a stream of bytes.

The step `parser.length` reads Content-Length. In `parser` the class `Parser` of the answer is fed
streams (`Probe`), each as a new connection. Each check is about one rule and feeds its streams
whole; "however the stream is cut" feeds those of all checks in pieces, and compares with what the
same answer makes of them whole. So a fault in a rule is no fault there.

A probe says what h11 and Tornado do with it, and the sentence of the RFC that decides;
tests/http1/test_probes.py holds that against the two.
"""

from contextlib import nullcontext
from typing import NamedTuple

from labsupport.checking import Exercise, assert_equal, assert_that, fail
from labsupport.checking.asserts import apart
from labsupport.checking.readings import (
    H11_TAKES,
    REFUSED,
    TAKEN,
    TORNADO_TAKES,
    assert_event,
    beside,
    cut_in_words,
    every_cut,
)
from labsupport.checking.showing import same, show

ROOM = 300  # characters of a stream that feedback shows
KEPT = 16  # bodies as long as the limit; half of them is more memory than a Parser may take
BEGIN = "Begin with the other checks: they feed this in one piece."
PARTS = {
    "request": ("kind", "method", "target", "version", "fields", "body"),
    "error": ("kind", "status"),
}

step = Exercise(
    "parser.length",
    title="parser, the step: how long is the body?",
    lesson="06a",
    minutes=5,
    kind="core",
    entry="length_of(values) -> int or None",
)


def phrases(variant):
    """What the task says of the limits when the caller gives none."""
    return [f"head={variant.head}", f"body={variant.body:_}"]


exercise = Exercise(
    "parser",
    title="parser: requests out of a stream of bytes",
    lesson="06a",
    minutes=75,
    kind="core",
    entry="class Parser(head, body), feed(data) -> list of events",
    variant={"head": 8192, "body": 1_048_576},
    variants={
        "head": (8192, 6144, 7168, 9216, 10240, 12288),  # each more than the longest probe has
        "body": (1_048_576, 1_310_720, 1_572_864, 1_835_008, 2_097_152),
    },
    phrases=phrases,
)


class Probe(NamedTuple):
    """A stream, and the events that are due. others: h11 and Tornado. rule: what decides."""

    what: str
    data: bytes
    events: list
    others: str
    rule: str = ""


def request(method, target, fields, body=b"", version=b"HTTP/1.1"):
    """The event of a request; fields as they are written, by one line each."""
    pairs = [tuple(line.split(b": ", 1)) for line in fields]
    return (
        "request", method, target, version, [(name.lower(), value) for name, value in pairs], body,
    )  # fmt: skip


def written(line, fields, body=b""):
    """The bytes of a request: a request line, lines of fields, a blank line, a body."""
    return b"\r\n".join([line, *fields, b"", body])


def taken(what, fields, others=TAKEN, rule="", *, method=b"GET", target=b"/", body=b""):
    """A request that is taken as it is written."""
    line = b"%s %s HTTP/1.1" % (method, target)
    events = [request(method, target, fields, body)]
    return Probe(what, written(line, fields, body), events, others, rule)


def refused(what, data, status, others=REFUSED, rule=""):
    """A stream that is refused, with nothing before."""
    return Probe(what, data, [("error", status)], others, rule)


def bad_line(what, line, status=400, others=REFUSED, rule="RFC 9112, section 3"):
    """A request whose first line is refused."""
    return refused(what, written(line, [HOST]), status, others, rule)


def bad_field(what, *fields, others=REFUSED, rule="RFC 9112, section 5.1"):
    """A request whose fields are refused."""
    return refused(what, written(b"GET / HTTP/1.1", fields), 400, others, rule)


def bad_length(what, *fields, status=400, others=REFUSED, rule="RFC 9112, section 6.3"):
    """A request whose length is refused. Five bytes follow, which are a body in chunks, too."""
    line = b"POST /ada HTTP/1.1"
    return refused(what, written(line, [HOST, *fields], b"0\r\n\r\n"), status, others, rule)


HOST = b"Host: example"
GET = written(b"GET / HTTP/1.1", [HOST])
GOT = request(b"GET", b"/", [HOST])
POST = written(b"POST /ada HTTP/1.1", [HOST, b"Content-Length: 5"], b"hello")
POSTED = request(b"POST", b"/ada", [HOST, b"Content-Length: 5"], b"hello")

MARKS = b"!#$%&'*+-.^_`|~09"  # that a token may have besides letters
NOTE = b'{"text": "milk"}\r\n\r\n{'

CLIENTS = [
    taken("what curl sends",
          [b"Host: 127.0.0.1:8000", b"User-Agent: curl/7.88.1", b"Accept: */*"]),
    taken("a form from curl",
          [b"Host: 127.0.0.1:8000", b"User-Agent: curl/7.88.1", b"Accept: */*",
           b"Content-Length: 3", b"Content-Type: application/x-www-form-urlencoded"],
          method=b"POST", target=b"/ada", body=b"a=b"),
    taken("what HTTPX sends",
          [b"Host: 127.0.0.1:8000", b"Accept: */*", b"Accept-Encoding: gzip, deflate",
           b"Connection: keep-alive", b"User-Agent: python-httpx/0.28.1"],
          target=b"/notes?since=7&until=9"),
    taken("a note from HTTPX",
          [b"Host: localhost:8000", b"Accept: */*", b"Accept-Encoding: gzip, deflate",
           b"Connection: keep-alive", b"User-Agent: python-httpx/0.28.1",
           b"Content-Length: %d" % len(NOTE), b"Content-Type: application/json"],
          method=b"POST", target=b"/notes", body=NOTE),
    taken("what a browser sends",
          [b"Host: localhost:8000", b"User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
           b"Accept: text/html,*/*;q=0.8", b"Accept-Language: en-GB,en;q=0.5",
           b"Referer: http://localhost:8000/a?b=c:d", b"Cookie: theme=dark; id=a=b==",
           b"Upgrade-Insecure-Requests: 1", b"Sec-Fetch-Mode: navigate"],
          target=b"/a%20b?c=d/e"),
]  # fmt: skip

SEVERAL = [
    Probe("two requests", GET + GET, [GOT, GOT], TAKEN, "RFC 9112, section 9.3.2"),
    Probe("a request with a body, then one without", POST + GET, [POSTED, GOT], TAKEN,
          "RFC 9112, section 9.3.2"),
    Probe("three requests, the second with a body of blank lines",
          GET + POST.replace(b"hello", b"\r\n\r\n.") + GET,
          [GOT, (*POSTED[:-1], b"\r\n\r\n."), GOT], TAKEN, "RFC 9112, section 6.3"),
]  # fmt: skip

CASES = [
    taken("content-length in small letters", [HOST, b"content-length: 5"],
          method=b"POST", target=b"/ada", body=b"hello", rule="RFC 9110, section 5.1"),
    taken("CONTENT-LENGTH in capitals", [b"HOST: example", b"CONTENT-LENGTH: 5"],
          method=b"POST", target=b"/ada", body=b"hello", rule="RFC 9110, section 5.1"),
    taken("a name in several cases", [b"hOsT: example", b"X-rAy: On"],
          rule="RFC 9110, section 5.1"),
]  # fmt: skip

SMALL_METHOD = taken("a method in small letters, which is another method", [HOST], method=b"get",
                     rule="RFC 9112, section 3.1")  # fmt: skip

LISTS = [
    taken("Accept on two lines",
          [HOST, b"Accept: text/html", b"Accept-Language: en", b"Accept: text/plain"],
          rule="RFC 9110, section 5.3"),
    bad_length("two lengths, 5 and 4", b"Content-Length: 5", b"Content-Length: 4"),
    bad_length("two lengths, 4 and 5", b"Content-Length: 4", b"Content-Length: 5"),
    bad_length("two lengths on one line", b"Content-Length: 5, 4"),
    bad_field("two hosts", HOST, b"Host: other", rule="RFC 9112, section 3.2"),
    bad_field("one host twice", HOST, HOST, rule="RFC 9112, section 3.2"),
    refused("two hosts in HTTP/1.0", written(b"GET / HTTP/1.0", [HOST, b"Host: other"]), 400,
            rule="RFC 9112, section 3.2"),
]  # fmt: skip

DIGITS = [
    bad_length("a length of +5", b"Content-Length: +5"),
    bad_length("a length of -5", b"Content-Length: -5"),
    bad_length("a length of 0_5", b"Content-Length: 0_5"),
    bad_length("a length of 5.0", b"Content-Length: 5.0"),
    bad_length("a length of 0x5", b"Content-Length: 0x5"),
    bad_length("a length of five in Arabic digits", "Content-Length: ٥".encode()),
    bad_length("a length of two, raised, in Latin-1", b"Content-Length: \xb2"),
    bad_length("a length of nothing", b"Content-Length: "),
    bad_length("a length with a vertical tab", b"Content-Length: 5\x0b"),
]  # fmt: skip

BOTH = "RFC 9112, section 6.1: a server may refuse a request with both, and closes in any case"
CODINGS = [
    bad_length("a length, and chunks", b"Content-Length: 5", b"Transfer-Encoding: chunked",
               others=H11_TAKES, rule=BOTH),
    bad_length("chunks, and a length", b"Transfer-Encoding: chunked", b"Content-Length: 5",
               others=H11_TAKES, rule=BOTH),
    bad_length("a length, and a coding that nobody knows", b"Content-Length: 5",
               b"Transfer-Encoding: xchunked", rule=BOTH),
]  # fmt: skip

ALONE = [
    bad_length("chunks alone", b"Transfer-Encoding: chunked", status=501, others=TAKEN,
               rule="RFC 9112, section 6.1: 501 is the answer to a coding that is not understood"),
    bad_length("a coding of nothing, alone", b"Transfer-Encoding: ", status=501,
               rule="RFC 9112, section 6.1"),
]  # fmt: skip

LINES = [
    bad_line("a request line of two words", b"GET /"),
    bad_line("a request line of four words", b"GET / a HTTP/1.1"),
    bad_line("two spaces in the request line", b"GET  / HTTP/1.1"),
    bad_line("a space before the method", b" GET / HTTP/1.1"),
    bad_line("a space behind the version", b"GET / HTTP/1.1 "),
    bad_line("a tab in the place of a space", b"GET\t/ HTTP/1.1"),
    bad_line("a CR before the method", b"\rGET / HTTP/1.1", others=TORNADO_TAKES,
             rule="RFC 9112, section 2.2: a CR without LF makes its element invalid"),
    bad_line("two CR before the LF", b"GET / HTTP/1.1\r", others=TORNADO_TAKES,
             rule="RFC 9112, section 2.2: a CR without LF makes its element invalid"),
    bad_line("a target of nothing", b"GET  HTTP/1.1", rule="RFC 9112, section 3.2"),
    bad_line("a method that is no token", b"G(T / HTTP/1.1", rule="RFC 9112, section 3.1"),
    bad_line("a control character in the target", b"GET /\x01 HTTP/1.1",
             rule="RFC 9112, section 3.2"),
    bad_line("a DEL in the target", b"GET /\x7f HTTP/1.1", rule="RFC 9112, section 3.2"),
    bad_line("a byte beyond ASCII in the target", b"GET /\xe9 HTTP/1.1", others=TORNADO_TAKES,
             rule="RFC 9112, section 3.2: a target is a URI, which has ASCII characters only"),
    bad_line("http in small letters", b"GET / http/1.1", rule="RFC 9112, section 2.3"),
    bad_line("a version without a name", b"GET / 1.1", rule="RFC 9112, section 2.3"),
    bad_line("a version with two digits", b"GET / HTTP/1.10", rule="RFC 9112, section 2.3"),
    bad_line("a version with a letter", b"GET / HTTP/1.x", rule="RFC 9112, section 2.3"),
    bad_line("a version with one digit", b"GET / HTTP/2", rule="RFC 9112, section 2.3"),
    bad_line("HTTP/2.0", b"GET / HTTP/2.0", status=505, others=H11_TAKES,
             rule="RFC 9110, section 15.6.6: 505 is the answer to another major version"),
]  # fmt: skip

VALUE = "RFC 9110, section 5.5: a value has no control characters but the tab"
FIELDS = [
    bad_field("no Host", b"Accept: */*", rule="RFC 9112, section 3.2"),
    refused("no Host in HTTP/1.2", written(b"GET / HTTP/1.2", [b"Accept: */*"]), 400, H11_TAKES,
            "RFC 9110, section 2.5: a higher minor version is read as one of 1.1"),
    bad_field("a space before the colon", HOST, b"Accept : */*"),
    bad_field("a tab before the colon", HOST, b"Accept\t: */*"),
    bad_field("a line without a colon", HOST, b"Accept"),
    bad_field("a field without a name", HOST, b": a"),
    bad_field("a name that is no token", HOST, b"A(b): c"),
    bad_field("a name beyond ASCII", HOST, b"Caf\xe9: c"),
    bad_field("a space before the first field", b" X: y", HOST, rule="RFC 9112, section 2.2"),
    bad_field("a value that goes on in the next line", HOST, b"X: a", b" b", others=H11_TAKES,
              rule="RFC 9112, section 5.2: a server refuses it, or puts spaces in its place"),
    bad_field("a NUL in a value", HOST, b"X: a\0b", rule=VALUE),
    bad_field("a CR in a value", HOST, b"X: a\rb", rule="RFC 9112, section 2.2"),
    bad_field("two CR behind a value", HOST, b"X: a\r", rule="RFC 9112, section 2.2"),
    bad_field("a control character in a value", HOST, b"X: a\x01b", others=H11_TAKES, rule=VALUE),
    bad_field("a DEL in a value", HOST, b"X: a\x7fb", others=H11_TAKES, rule=VALUE),
]  # fmt: skip

LENIENT = [
    Probe("an empty line before the request", b"\r\n" + GET, [GOT], TORNADO_TAKES,
          "RFC 9112, section 2.2: a server should skip an empty line before a request"),
    Probe("an empty line between two requests", POST + b"\r\n" + GET, [POSTED, GOT], TORNADO_TAKES,
          "RFC 9112, section 2.2: a server should skip an empty line before a request"),
    Probe("line feeds without CR", GET.replace(b"\r", b""), [GOT], TAKEN,
          "RFC 9112, section 2.2: a line may end in LF alone"),
    Probe("one line that ends in LF alone", GET.replace(b"1.1\r", b"1.1"), [GOT], TAKEN,
          "RFC 9112, section 2.2: a line may end in LF alone"),
    Probe("no space behind the colon", GET.replace(b": ", b":"), [GOT], TAKEN,
          "RFC 9112, section 5.1"),
    Probe("blanks around a value", GET.replace(b": example", b":\t  example \t"), [GOT], TAKEN,
          "RFC 9112, section 5.1"),
    Probe("a value of nothing, and one with a colon and blanks",
          written(b"GET / HTTP/1.1", [HOST, b"X:", b"Y: a:b \tc"]),
          [request(b"GET", b"/", [HOST, b"X: ", b"Y: a:b \tc"])], TAKEN, "RFC 9110, section 5.5"),
    taken("a value beyond ASCII", [HOST, b"X: caf\xe9"], rule="RFC 9110, section 5.5"),
    taken("a length with zeros before it", [HOST, b"Content-Length: 00000000000000000005"],
          method=b"POST", body=b"hello", rule="RFC 9110, section 8.6"),
    taken("a length of 0", [HOST, b"Content-Length: 0"], rule="RFC 9110, section 8.6"),
    taken("a method that nobody knows", [HOST], method=b"M-SEARCH", target=b"*",
          rule="RFC 9112, section 3.1"),
    taken("all that a token may have", [HOST, MARKS + b"az: x"], method=MARKS + b"AZ",
          rule="RFC 9110, section 5.6.2"),
    taken("a Host of nothing", [b"Host: "], rule="RFC 9110, section 7.2"),
    Probe("HTTP/1.2", GET.replace(b"1.1", b"1.2"),
          [request(b"GET", b"/", [HOST], version=b"HTTP/1.2")], TAKEN, "RFC 9110, section 2.5"),
    Probe("HTTP/1.0 without Host", b"GET / HTTP/1.0\r\n\r\n",
          [request(b"GET", b"/", [], version=b"HTTP/1.0")], TAKEN, "RFC 9112, section 3.2"),
]  # fmt: skip

PROBES = [
    *CLIENTS,
    *SEVERAL,
    *CASES,
    SMALL_METHOD,
    *LISTS,
    *DIGITS,
    *CODINGS,
    *ALONE,
    *LINES,
    *FIELDS,
    *LENIENT,
]


async def events_of(answer, runs, *limits):
    """For each run a new Parser; the list that each of its feeds returned."""
    made = await answer.replay("Parser", "feed", runs, *limits)
    for run, results in zip(runs, made, strict=True):
        for piece, got in zip(run, results, strict=True):
            if isinstance(got, list):
                continue
            with apart("`feed` returns a list each time, also where nothing is complete: `[]`."):
                fail(
                    "feed returns a list of events",
                    f"called Parser().feed({show(piece)})",
                    expected="a list",
                    got=show(got),
                )
    return made


def joined(results):
    """All events of a run."""
    return [event for events in results for event in events]


def assert_events(got, due, said, did):
    """Fail unless the events are those that are due. It stops at the first that is another."""
    for number, (event, wanted) in enumerate(zip(got, due, strict=False), 1):
        which = f"{said}: event {number}" if len(due) > 1 else said
        assert_event(event, wanted, PARTS, which, did)
    assert_equal(got, due, said, did)


def compared(got, due, said, did, probe):
    """The same, and say what others do with this stream."""
    with beside(probe.others, probe.rule, takes=probe.events[-1][0] == "request"):
        assert_events(got, due, said, did)


async def whole(answer, probes, said):
    """Each stream, in one piece to a new Parser, gives the events that are due."""
    for probe, results in zip(
        probes, await events_of(answer, [[probe.data] for probe in probes]), strict=True
    ):
        did = f"fed {probe.what}, in one piece: {show(probe.data, ROOM)}"
        compared(joined(results), probe.events, said, did, probe)


# ---- the step: how long is the body?


@step.check(
    "a length is digits",
    points=1,
    misconception="int-reads-digits-only",
    hints=[
        "What does int make of b'+5', of b'0_5' and of b' 5'?",
        "Test the value before you call int: digits, one or more, and nothing else.",
        "bytes.isdigit() knows the ten digits of ASCII and no sign; it is False for b''.",
    ],
)
async def a_length_is_digits(answer, draw, variant):
    number = draw.integer(10, 99999)
    good = {b"0": 0, b"%d" % number: number, b"00%d" % number: number}
    bad = [b"+5", b"-5", b"0_5", b"", b"5.0", b"0x5", b" 5", b"5 ", b"5a", b"5\n"]
    bad += ["٥".encode(), b"\xb2"]
    with apart("Digits alone are a length, also with zeros before them: int reads those alike."):
        for value, wanted in good.items():
            assert_equal(
                await answer.call("length_of", [value]),
                wanted,
                said="digits are a length",
                did=f"called length_of([{value!r}])",
            )
    for value in bad:
        assert_equal(
            await answer.call("length_of", [value]),
            None,
            said="a length is digits and nothing else",
            did=f"called length_of([{value!r}])",
        )


@step.check(
    "one value or none",
    points=1,
    misconception="last-field-wins",
    hints=[
        "Which of two lengths is right?",
        "Nobody knows, so neither is taken. And a request without a length has no body.",
        "No values: 0. More than one: None.",
    ],
)
async def one_value_or_none(answer, draw, variant):
    with apart("A list may be empty: look before you take a value from it, and return 0."):
        assert_equal(
            await answer.call("length_of", []),
            0,
            said="a request without Content-Length has no body: its length is 0",
            did="called length_of([])",
        )
    for values, said in (
        ([b"5", b"4"], "of two lengths that differ neither is taken"),
        ([b"4", b"5"], "of two lengths that differ neither is taken"),
        ([b"5", b"5", b"4"], "of lengths that differ none is taken"),
        ([b"5, 4"], "two lengths on one line are no length"),
    ):
        assert_equal(
            await answer.call("length_of", values),
            None,
            said=said,
            did=f"called length_of({values!r})",
        )


# ---- the build: class Parser


@exercise.check(
    "what clients send",
    points=2,
    hints=[
        "Compare what came with the table of events in the task, part by part.",
        "A value may have colons, commas, semicolons and equals signs in it. A body is any bytes.",
        'name, colon, value = line.partition(b":") cuts at the first colon only.',
    ],
)
async def what_clients_send(answer, draw, variant):
    await whole(answer, CLIENTS, "a request of curl, HTTPX or a browser is one event")


@exercise.check(
    "however the stream is cut",
    points=3,
    misconception="blank-line-in-one-recv",
    hints=[
        "What does your Parser know when a piece ends in the middle of a line?",
        "Keep all that is not used yet, and look for the end of a line in that, not in the piece.",
        "self.kept += data at the start of feed; then take off whole lines, and whole bodies.",
    ],
    deadline=30.0,
)
async def however_the_stream_is_cut(answer, draw, variant):
    # In one piece a request has to come, whatever else is wrong: else nothing could be compared.
    [[came]] = await events_of(answer, [[GET]])
    with apart("Begin with the check `what clients send`."):
        assert_that(
            [event[:1] for event in came if isinstance(event, tuple)] == [("request",)],
            "a request in one piece is one event",
            expected=show([GOT]),
            got=show(came),
            did=f"fed {show(GET)}",
        )
    with apart(BEGIN):
        wholes = await events_of(answer, [[probe.data] for probe in PROBES])
    for probe, [first] in zip(PROBES, wholes, strict=True):
        runs = every_cut(probe.data)
        results = await events_of(answer, runs)
        right = first == probe.events
        said = "however a stream is cut, the events are those of the whole"
        mind = "" if right else "; expected is what it made of the whole, which is wrong itself"
        with nullcontext() if right else apart(BEGIN):
            for pieces, made in zip(runs, results, strict=True):
                early = right and first[-1][0] == "request" and made[-1] == []
                if same(joined(made), first) and not early:
                    continue
                did = f"fed {probe.what}, {cut_in_words(pieces)}{mind}"
                compared(joined(made), first, said, did, probe)
                fail(
                    "a request is an event when its last byte has come, and not before",
                    did,
                    expected="the last request with the last piece",
                    got="it came before",
                )


@exercise.check(
    "several requests on one connection",
    points=2,
    misconception="blank-line-in-one-recv",
    hints=[
        "What is behind the blank line of a request that has no body?",
        "What is left over behind a request is the next one. Look again, until nothing is whole.",
        "while, not if, around the part that takes a request off what is kept.",
    ],
)
async def several_requests(answer, draw, variant):
    said = "what lies behind a request belongs to the next one"
    await whole(answer, SEVERAL, said)
    number = draw.integer(4, 40)
    many = Probe(f"{number} requests", GET * number, [GOT] * number, TAKEN)
    await whole(answer, [many], said)


@exercise.check(
    "names of fields have no case",
    points=2,
    misconception="header-names-have-a-case",
    hints=[
        "Which of Host, host and HOST is the field?",
        "All are. Turn each name into small letters when you read it. Methods stay as they are.",
        'name.lower() in the event; then compare with b"content-length".',
    ],
)
async def names_have_no_case(answer, draw, variant):
    said = "a field is the same in any letters, and its name comes in small ones"
    await whole(answer, CASES, said)
    with apart("Methods have a case, other than names of fields: get is taken, and stays get."):
        await whole(answer, [SMALL_METHOD], "a method comes as it was sent")


@exercise.check(
    "lines of one name",
    points=2,
    misconception="last-field-wins",
    hints=[
        "What does a dictionary keep of two lines with one name?",
        "Keep a list of pairs. A second Host is an error; so is a second length that differs.",
        "[value for name, value in fields if name == wanted]: look at how many there are.",
    ],
)
async def lines_of_one_name(answer, draw, variant):
    await whole(
        answer, LISTS, "lines of one name are all kept, and of Host and length there is one"
    )


@exercise.check(
    "a length is digits, and not too many",
    points=2,
    misconception="int-reads-digits-only",
    hints=[
        "What does int accept that is no length?",
        "Test for digits first: 0 to 9, one or more, and nothing else.",
        "isdigit() of bytes knows these ten alone; isdigit() of str knows those of every script.",
    ],
)
async def a_length_is_digits_only(answer, draw, variant):
    await whole(answer, DIGITS, "a length that is not digits alone is answered 400")
    for digits in (20, 5000):
        value = b"Content-Length: " + b"9" * digits
        data = written(b"POST / HTTP/1.1", [HOST, value])
        probe = refused(f"a length of {digits} digits", data, 413, rule="RFC 9110, section 8.6")
        with apart(
            "How many digits has the largest body that is allowed?",
            "int() raises ValueError for text of more than 4300 digits: count them before.",
        ):
            said = "a length above the limit is answered 413, however long it is"
            await whole(answer, [probe], said)


@exercise.check(
    "a length beside Transfer-Encoding",
    points=2,
    misconception="content-length-wins",
    hints=[
        "A proxy counts by the length, a server by the chunks: who is right?",
        "A request with both is refused. One with Transfer-Encoding alone is beyond this parser.",
        "Transfer-Encoding is there, with any value: 400 if there is a length too, else 501.",
    ],
)
async def a_length_beside_a_coding(answer, draw, variant):
    await whole(answer, CODINGS, "Transfer-Encoding beside a length is answered 400")
    with apart(
        "Is the field there? Its value does not matter.",
        "A Transfer-Encoding without a length is answered 501, whatever its value is.",
    ):
        await whole(answer, ALONE, "Transfer-Encoding alone is answered 501")


@exercise.check(
    "what is no request line",
    points=2,
    hints=[
        "Which bytes may stand in a method, in a target, in a version?",
        "Three words with one space between them. split() takes any white space, split(b' ') one.",
        "A method is a token; a target has the bytes 21 to 7e; HTTP/ is written in capitals.",
    ],
)
async def what_is_no_request_line(answer, draw, variant):
    await whole(answer, LINES, "what is no request line is answered 400, another version 505")


@exercise.check(
    "what is no field",
    points=2,
    hints=[
        "Which bytes may stand in a name, and which in a value?",
        "A name is a token: no space, no tab, nothing beyond ASCII. Only the tab is a control "
        "character that a value may have.",
        "TOKEN.issuperset(name), without strip() before it. A folded line begins with a space, so "
        "that its name is no token.",
    ],
)
async def what_is_no_field(answer, draw, variant):
    await whole(answer, FIELDS, "what is no field is answered 400")


@exercise.check(
    "what a client may send",
    points=2,
    hints=[
        "Which sentence under *What is taken* or *What is refused* is about this stream?",
        "Empty lines before a request are skipped. Only HTTP/1.0 may come without Host, and only "
        "a first digit that is not 1 is another version. A value may be empty.",
        r'line.removesuffix(b"\n").removesuffix(b"\r"), then value.strip(b" \t"). A token has '
        "the punctuation that the task lists, too.",
    ],
)
async def what_a_client_may_send(answer, draw, variant):
    await whole(answer, LENIENT, "the rules let a client send this")


@exercise.check(
    "limits",
    points=2,
    misconception="length-can-be-trusted",
    hints=[
        "When is it known that a body is too long?",
        "When the head is whole: its length says so, and none of the body need have come.",
        "A length above the limit is 413; one as long as the limit is allowed, in each request.",
    ],
    deadline=20.0,
)
async def limits(answer, draw, variant):
    field = b"X: %s" % draw.word().encode()
    head = written(b"GET / HTTP/1.1", [HOST, field])
    size = len(head)
    got = request(b"GET", b"/", [HOST, field])
    with apart(
        "How much does your Parser keep for a client that never sends a blank line?",
        "Compare as soon as the bytes are there, not when the line has ended. A head as long as "
        "the limit is allowed.",
        "Count the bytes of the lines that are read, and those of the line that has begun. 414 "
        "while there is no request line, 431 after that.",
    ):
        for room, data, due, what in (
            (size, head, [got], f"a head of {size} bytes"),
            (size, head * 3, [got] * 3, f"three heads of {size} bytes each"),
            (size, b"\r\n" * 40 + head, [got], f"40 empty lines, and a head of {size} bytes"),
            (size - 1, head, [("error", 431)], f"a head of {size} bytes"),
            (size - 3, head[:-2], [("error", 431)], f"{size - 2} bytes without a blank line"),
            (20, head, [("error", 431)], f"a head of {size} bytes, 16 of them the request line"),
            (14, head, [("error", 414)], "a request line of 16 bytes"),
            (14, b"GET /" + b"a" * 10, [("error", 414)], "15 bytes without a line end"),
        ):
            did = f"fed {what} to Parser({room}): {show(data, ROOM)}"
            [results] = await events_of(answer, [[data]], room)
            assert_events(joined(results), due, "the limit for the head is kept", did)
    size = len(POST) - 5
    for room, data, due, what in (
        ((size, 5), POST, [POSTED], "a body of 5 bytes"),
        ((size, 5), POST * 3, [POSTED] * 3, "three bodies of 5 bytes each"),
        ((size, 4), POST[:-5], [("error", 413)], "the head of a body of 5 bytes"),
    ):
        did = f"fed {what} to Parser{room}: {show(data, ROOM)}"
        [results] = await events_of(answer, [[data]], *room)
        assert_events(joined(results), due, "the limit for the body is kept", did)
    most, largest = variant.head, variant.body
    filler = b"X: " + b"a" * (most - len(written(b"GET / HTTP/1.1", [b"Host: a", b"X: "])))
    long_head = written(b"GET / HTTP/1.1", [b"Host: a", filler])
    long_body = written(b"PUT / HTTP/1.1", [HOST, b"Content-Length: %d" % largest])
    too_long = long_body.replace(b"%d" % largest, b"%d" % (largest + 1))
    for data, wanted, what in (
        (long_head, "request", f"a head of {most:,} bytes"),
        (long_head.replace(b"X:", b"X: "), "error", f"a head of {most + 1:,} bytes"),
        (long_body + bytes(largest), "request", f"a body of {largest:,} bytes"),
        (too_long, "error", f"a body of {largest + 1:,} bytes"),
    ):
        [results] = await events_of(answer, [[data]])
        with apart(
            f"A Parser() has the limits {most} and {largest:_}, which are allowed themselves."
        ):
            assert_equal(
                [event[:1] if isinstance(event, tuple) else event for event in joined(results)],
                [(wanted,)],
                said="these are the limits when the caller gives none",
                did=f"fed {what} to Parser()",
            )
    await little_is_kept(answer, long_body + bytes(largest), largest)


async def little_is_kept(answer, data, size):
    """What is over takes no memory: requests that have been handed out, and all behind an error."""
    parser = await answer.new("Parser")
    for _ in range(3):
        await parser.call("feed", data)
    before = answer.memory()
    for what, first in (
        (f"a request with a body of {size:,} bytes", b""),
        (f"a piece of {len(data):,} bytes, behind an error,", written(b"GET /", [HOST])),
    ):
        await parser.call("feed", first)
        for _ in range(KEPT):
            await parser.call("feed", data)
        with apart(
            "Which of your objects still holds what was fed?",
            "What is used up goes: a request with its event, and all with an error.",
            "del self.kept[:length]; and after an error return [] before you keep what comes.",
        ):
            assert_that(
                answer.memory() - before < KEPT // 2 * size,
                "what is over is not kept",
                expected=f"less than {KEPT // 2 * size / 2**20:g} MiB of memory more than before",
                got="more",
                did=f"fed {what} {KEPT} times, one after the other",
            )


@exercise.check(
    "after an error nothing comes",
    points=1,
    hints=[
        "Where does the next request begin, when this one was not understood?",
        "Nobody knows. What came before the error is delivered, then the error, then nothing.",
        "A flag that is set with the error, and at the start of feed: if it is set, return [].",
    ],
)
async def after_an_error_nothing(answer, draw, variant):
    bad = written(b"GET /", [HOST])
    wanted = [("error", 400)]
    for run, due, what in (
        ([GET + bad], [[GOT, *wanted]], "a request and one without a version, in one piece"),
        ([bad + GET], [wanted], "a request without a version and a good one, in one piece"),
        ([bad, GET, GET], [wanted, [], []], "a request without a version, then two good ones"),
        ([bad, bad, b""], [wanted, [], []], "a request without a version, twice, then nothing"),
    ):
        [results] = await events_of(answer, [run])
        said = "what came before the error is delivered, then the error, and nothing after it"
        did = f"fed {what}: {', then '.join(show(piece, ROOM) for piece in run)}"
        assert_equal(results, due, said=said, did=did)
