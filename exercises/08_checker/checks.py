"""Checks of the exercise `checker`: what an HTTP API does, told within a deadline.

The peers are raw sockets that say in HTTP, or in anything else, what a script tells them. They keep
a connection open until the answer has left, as HTTP/1.1 has it. Of a deadline the checks see what
the peer sees: that whoever is late has left while the peer still sends. The paths and most bodies
are drawn, so that nothing in a request tells which verdict is wanted.
"""

import asyncio
import contextlib
import gzip
import json
import socket
import zlib
from http import HTTPStatus

from labsupport.checking import AnswerRaised, Exercise, Mismatch, assert_equal, assert_that, fail
from labsupport.checking.asserts import apart, patience
from labsupport.checking.showing import show

exercise = Exercise(
    "checker",
    title="checker: what an API does, within a deadline",
    lesson="08a",
    minutes=50,
    kind="core",
    entry="async def check(url, seconds) -> dict",
)

size = Exercise(
    "checker.size",
    title="checker, the step: bytes of a body, up to a limit",
    lesson="08a",
    minutes=5,
    kind="core",
    entry="async def size(url, most) -> int or None",
)

HOST = "127.0.0.1"
VERDICTS = (
    "healthy", "unhealthy", "redirects", "slow", "too-large", "broken", "refused", "unknown-name",
)  # fmt: skip
LARGEST = 65_536  # bytes of a body that check reads
MOST_REDIRECTS = 5

SECONDS = 20.0  # for a call whose deadline is not what is judged
SHORT = 0.5  # seconds of a deadline that shall pass
PAUSE = 0.03  # seconds between two pieces of a drip
PIECES = 100  # of a drip: six times what goes out until that deadline
HOP = 0.3  # seconds that each redirection takes where the deadline is for all of them
HOPS = 1.0  # seconds of that deadline
LATE = 0.7  # seconds that an answer takes which is in time
KEPT = 60.0  # seconds for which a connection without a request is kept, longer than a check takes
LEAVING = 3.0  # seconds in which the answer has to close a connection
PIECE = 65_536  # bytes
ENDLESS = 16 * 2**20  # bytes of a body without end; more than the system keeps on the way
OK = b'{"status": "ok"}'


# ---- what peers say ------------------------------------------------------------------------------


def head(status=200, *fields, kind="application/json", body=None, chunked=False):
    """The head of a response. body: the one whose length is told. chunked: the other framing."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += ["Transfer-Encoding: chunked"] if chunked else []
    lines += [f"Content-Length: {len(body)}"] if body is not None else []
    return "\r\n".join([*lines, *fields, "", ""]).encode()


def message(body=OK, status=200, *fields, kind="application/json"):
    """A whole response."""
    return head(status, *fields, kind=kind, body=body) + body


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


def padded(n):
    """A healthy body of n bytes."""
    return OK[:-1] + b" " * (n - len(OK)) + b"}"


def said_by(data):
    """A script that sends this."""

    async def script(conn, number):
        await conn.send(data)

    return script


def ended_after(data, reset=False):
    """A script that sends this as long as somebody reads it, and ends the connection."""

    async def script(conn, number):
        with contextlib.suppress(Mismatch):
            await conn.send(data)
        if reset:
            conn.reset()
        conn.close()

    return script


async def until_left(conn, said):
    """Wait until the answer has ended the connection, in whatever way."""
    try:
        while await conn.recv(timeout=LEAVING, said=said):
            pass
    except Mismatch as mismatch:
        if mismatch.waited:
            raise


async def all_went(conn, first, piece, times, pause=0.0):
    """Send piece after piece, until the answer has left; whether all of them went out."""
    try:
        await conn.send(first)
        for _ in range(times):
            await conn.send(piece)
            await asyncio.sleep(pause)
    except Mismatch:
        return False
    return True


def dripping(first, piece):
    """A script that sends a byte from time to time, longer than the deadline is."""

    async def script(conn, number):
        if await all_went(conn, first, piece, int(PIECES * patience.get()), PAUSE):
            raise Mismatch(
                "the deadline is for the whole check: it ends a drip, too",
                did=f"sent one byte every {PAUSE:g} s; the deadline was {SHORT:g} s",
                expected=f"it has left before {PIECES} of them have come",
                got="it still reads",
                waited=True,
            )

    return script


def endless(first):
    """A script that sends a body without end, in chunks."""

    async def script(conn, number):
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE)
        if await all_went(conn, first, chunk(b" " * PIECE), ENDLESS // PIECE):
            fail(
                "who has read too much reads no further",
                "sent a body without end",
                f"it has left before {ENDLESS:,} bytes have come",
                "it has read all of them",
            )

    return script


async def asked_for(conn):
    """Read the head of a request; its method and target. None where the answer leaves instead."""
    try:
        line = await conn.recv_line(timeout=KEPT)
        while await conn.recv_line(said="a request ends with an empty line") != b"\r\n":
            pass
    except Mismatch as mismatch:
        if mismatch.waited:
            raise
        return None
    return line.decode("latin-1").rpartition(" ")[0]


# ---- calls ---------------------------------------------------------------------------------------


def a_path(draw):
    return f"/{draw.word()}/{draw.word()}?{draw.word()}={draw.integer(1, 999)}"


@contextlib.asynccontextmanager
async def an_api(answer, draw, script):
    """An API that answers each request with the script; its URL, and what it is asked for."""
    asked = []

    async def serve(conn, number):
        while conn.sock.fileno() >= 0 and (request := await asked_for(conn)) is not None:
            asked.append(request)
            await script(conn, len(asked))

    path = a_path(draw)
    async with answer.facing(serve) as (host, port):
        yield f"http://{host}:{port}{path}", asked


async def called(answer, url, seconds=SECONDS, did=""):
    """What check returns: a report of the form that the task gives."""
    report = await answer.call("check", url, seconds)
    did = did or f"called check(url, {seconds:g})"
    with apart("Which four members has the report, and which types have their values?"):
        assert_that(
            isinstance(report, dict)
            and set(report) == {"verdict", "status", "bytes", "why"}
            and report["verdict"] in VERDICTS
            and (report["status"] is None or type(report["status"]) is int)
            and type(report["bytes"]) is int
            and isinstance(report["why"], str)
            and (report["why"] != "" or report["verdict"] == "healthy"),
            said="a report has four members, and says why it is not healthy",
            expected='{"verdict": one of eight, "status": int or None, "bytes": int, "why": str}',
            got=report,
            did=did,
        )
    return report


async def has_asked(task, begun, did):
    """Wait until the peer has begun to answer this call of check."""
    asked = asyncio.create_task(begun.wait())
    ended = asyncio.create_task(task.wait(LEAVING * patience.get()))
    try:
        await asyncio.wait((asked, ended), return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        ended.cancel()
    if not begun.is_set():
        got = await task.result() if task.done() else "no request"
        raise Mismatch("check asks the API", did, "a request", show(got), waited=not task.done())


def agrees(report, wanted, said, did):
    """Fail unless verdict, status and bytes of a report are these; the feedback has its reason."""
    verdict, status, count = wanted
    got = {member: report[member] for member in ("verdict", "status", "bytes")}
    try:
        assert_equal(got, {"verdict": verdict, "status": status, "bytes": count}, said, did)
    except Mismatch as mismatch:
        mismatch.notes.append(f"Its reason, in the report's why: {show(report['why'])}.")
        raise


async def finds(answer, draw, script, wanted, said, did):
    """The report on an API that does this has to be as it is wanted; one request is made."""
    async with an_api(answer, draw, script) as (url, asked):
        report = await called(answer, url, did=did)
        agrees(report, wanted, said, did)
        path = url.partition(HOST)[2].partition("/")[2]
        with apart("Which request does your check send, and how many of them?"):
            assert_equal(asked, [f"GET /{path}"], "one GET of the URL is enough", did)


# ---- the step ------------------------------------------------------------------------------------


async def counts(answer, draw, script, most, wanted, did):
    async with an_api(answer, draw, script) as (url, _):
        got = await answer.call("size", url, most)
    said = f"size(url, {most}) is the bytes of the body, or None where there are more"
    assert_equal(got, wanted, said, did)


@size.check(
    "stops where there is too much",
    points=1,
    misconception="bodies-are-small",
    hints=[
        "When does client.get return, and how much has it read by then?",
        "client.stream gives a response whose body has not been read. Read it piece by piece.",
        'async with client.stream("GET", url) as response: async for piece in '
        "response.aiter_bytes(): count; return None inside of the loop.",
    ],
    deadline=15.0,
)
async def stops_where_there_is_too_much(answer, draw, variant):
    most = draw.integer(100, 9999)
    did = "sent a body without end"
    await counts(answer, draw, endless(head(chunked=True)), most, None, did)


@size.check(
    "is right to the byte",
    points=1,
    misconception="bodies-are-small",
    hints=[
        "A compressed body is longer when it has been unpacked. Which of both lengths is counted?",
        "aiter_bytes unpacks, aiter_raw does not. num_bytes_downloaded counts what came.",
        "total += len(piece), and then: if total > most. Exactly `most` bytes are not too many.",
    ],
    deadline=15.0,
)
async def is_right_to_the_byte(answer, draw, variant):
    for n in (0, 1, draw.integer(500, 5000)):
        body = draw.bytes(n)
        did = f"sent a body of {n} bytes"
        await counts(answer, draw, said_by(message(body)), n, n, did)
    await counts(answer, draw, said_by(message(body)), n - 1, None, did)
    packed = gzip.compress(b" " * 4000, mtime=0)
    data = message(packed, 200, "Content-Encoding: gzip")
    did = f"sent {len(packed)} bytes that gzip makes 4,000 of"
    await counts(answer, draw, said_by(data), 4000, 4000, did)
    await counts(answer, draw, said_by(data), 3999, None, did)
    data = head(body=bytes(10**6)) + OK
    did = "told a length of 1,000,000 in a response to size(url, 999999), and sent 16 bytes"
    async with an_api(answer, draw, ended_after(data)) as (url, _):
        with apart("What counts is what comes. What a field says may be a lie."):
            with contextlib.suppress(AnswerRaised):  # HTTPX's error is as good
                got = await answer.call("size", url, 999_999)
                fail("a body that ends too early has no size", did, "HTTPX's error", got)


# ---- the build -----------------------------------------------------------------------------------


@exercise.check(
    "200 is not healthy yet",
    points=3,
    misconception="status-200-is-success",
    hints=[
        "Look at what the API said, in its status, in its fields and in its body. Who reads that?",
        "Four questions in a row: the status, the media type, JSON in UTF-8, its form.",
        "json.loads(body.decode()) raises ValueError for what is no UTF-8 and no JSON; then "
        'isinstance(said, dict) and said.get("status") == "ok".',
    ],
    deadline=30.0,
)
async def two_hundred_is_not_healthy_yet(answer, draw, variant):
    word = draw.word()
    wide = json.dumps({"status": "ok", word: draw.integer(1, 99)}).encode()
    cases = [
        ("healthy", OK, 200, "application/json"),
        ("healthy", wide, 200, "Application/JSON; charset=utf-8"),
        ("healthy", f'\n{{"{word}": "ä€", "status": "ok"}}\r\n'.encode(), 200, "application/json"),
        ("unhealthy", b'{"status": "down"}', 200, "application/json"),
        ("unhealthy", b'{"state": "ok"}', 200, "application/json"),
        ("unhealthy", b'[{"status": "ok"}]', 200, "application/json"),
        ("unhealthy", OK[:-1], 200, "application/json"),
        ("unhealthy", OK[:-1] + b', "x": "\xe4"}', 200, "application/json"),
        ("unhealthy", OK.decode().encode("utf-16-le"), 200, "application/json"),
        ("unhealthy", b"[" * 50_000, 200, "application/json"),
        ("unhealthy", OK, 200, "text/plain"),
        ("unhealthy", OK, 200, ""),
        ("unhealthy", OK, 200, "application/json-seq"),
        ("unhealthy", OK, draw.choice([201, 202, 203]), "application/json"),
        ("unhealthy", OK, draw.choice([404, 429, 500, 503]), "application/json"),
    ]
    said = "healthy is 200, application/json, UTF-8, and an object whose status is ok"
    for verdict, body, status, kind in shuffled(draw, cases):
        did = f"answered {status}, {kind or 'without Content-Type'}, {ascii(body[:60])[1:]}"
        script = said_by(message(body, status, kind=kind))
        await finds(answer, draw, script, (verdict, status, len(body)), said, did)
    data = b"HTTP/1.1 204 No Content\r\n\r\n"
    await finds(answer, draw, said_by(data), ("unhealthy", 204, 0), said, "answered 204")
    data = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + OK
    did = "answered as HTTP/1.0 does: the end of the connection is the end of the body"
    await finds(answer, draw, ended_after(data), ("healthy", 200, len(OK)), said, did)


def shuffled(draw, cases):
    """The cases in an order that the seed decides."""
    return sorted(cases, key=lambda _: draw.integer(0, 2**30))


@exercise.check(
    "one deadline for all of it",
    points=3,
    misconception="timeout-is-total",
    hints=[
        "The peer sends a byte now and then. Which of HTTPX's timeouts ever passes?",
        "A timeout of HTTPX is for one connect, one read, one write. What limits all of them, over "
        "all redirections?",
        "async with asyncio.timeout(seconds): around the client and all that it does, and timeout="
        "None for HTTPX's own.",
    ],
    deadline=30.0,
)
async def one_deadline_for_all_of_it(answer, draw, variant):
    async def silent(conn, number):
        await until_left(conn, "the deadline is over, and the connection is still open")

    peers = [
        ("said nothing", silent),
        ("sent a head that never ends", dripping(b"HTTP/1.1 200 OK\r\nX: ", b"x")),
        ("sent a body that does not end", dripping(head(body=bytes(5000)) + OK, b" ")),
    ]
    requests = 0
    for did, script in shuffled(draw, peers):
        did = f"called check(url, {SHORT:g}), and {did}"
        async with an_api(answer, draw, script) as (url, asked):
            report = await called(answer, url, SHORT, did)
            requests += len(asked)
        said = "when the seconds are over, the verdict is slow"
        assert_equal(report["verdict"], "slow", said, did)
    did = f"called check(url, {HOPS:g}), and redirected it five times, each {HOP:g} s later"
    async with an_api(answer, draw, slow_hops) as (url, asked):
        report = await called(answer, url, HOPS, did)
        requests += len(asked)
    wrong = report["verdict"] == "healthy"  # where redirections end is judged elsewhere
    assert_that(not wrong, said, "the verdict slow", report, did)
    if not requests:  # a single one may come too late, on a busy machine
        raise Mismatch("who is slow has been asked", did, "a request", "none", waited=True)

    async def late(conn, number):
        await asyncio.sleep(LATE)
        await said_by(message())(conn, number)

    said = "before the seconds are over, nobody is slow"
    did = f"answered after {LATE:g} s; the deadline was {SECONDS:g} s"
    await finds(answer, draw, late, ("healthy", 200, len(OK)), said, did)


async def slow_hops(conn, number):
    """Redirect as often as is permitted, each time after a pause; then be healthy."""
    await asyncio.sleep(HOP)
    last = number > MOST_REDIRECTS
    with contextlib.suppress(Mismatch):
        await conn.send(message() if last else message(b"", 302, f"Location: /{number}"))


@exercise.check(
    "reads no more than it must",
    points=2,
    misconception="bodies-are-small",
    hints=[
        "How much had your check read when it looked at the size?",
        "Count while the pieces come, and leave the response when there are too many bytes. What "
        "a Content-Length says, nobody has to keep.",
        'async with client.stream("GET", url) as response, async for piece in '
        "response.aiter_bytes(), and return from inside of the loop.",
    ],
    deadline=30.0,
)
async def reads_no_more_than_it_must(answer, draw, variant):
    said = f"a body of {LARGEST:,} bytes is read, and one of more is too large"
    did = f"answered with a healthy body of {LARGEST:,} bytes"
    script = said_by(message(padded(LARGEST)))
    await finds(answer, draw, script, ("healthy", 200, LARGEST), said, did)
    more = padded(LARGEST + 1)
    for data in (message(more), head(chunked=True) + chunk(more) + chunk(b"")):
        did = f"answered with a healthy body of {LARGEST + 1:,} bytes"
        await is_too_large(answer, draw, ended_after(data), said, did)
    script, did = endless(head(chunked=True)), "answered with a body without end"
    await is_too_large(answer, draw, script, said, did)
    data = head(body=bytes(10**6)) + OK
    did = "told a Content-Length of 1,000,000, sent 16 bytes, and ended the connection"
    said = "what counts is what has come, not what a field says"
    await finds(answer, draw, ended_after(data), ("broken", 200, len(OK)), said, did)


async def is_too_large(answer, draw, script, said, did):
    """The report on this API has to say that its body is too large."""
    async with an_api(answer, draw, script) as (url, _):
        report = await called(answer, url, did=did)
    got = report["verdict"], report["status"], report["bytes"] > LARGEST
    wanted = f"verdict too-large, status 200, more than {LARGEST:,} bytes"
    assert_that(got == ("too-large", 200, True), said, wanted, report, did)


@exercise.check(
    "counts what comes out",
    points=1,
    misconception="small-on-the-wire-is-small",
    hints=[
        "A small body came. What was it when it had been unpacked?",
        "The sender decides whether a body is compressed. Which bytes does your program keep in "
        "memory, those before or those behind the unpacking?",
        "response.aiter_bytes() gives what comes out: add up len(piece).",
    ],
    deadline=15.0,
)
async def counts_what_comes_out(answer, draw, variant):
    packers = {"gzip": lambda data: gzip.compress(data, mtime=0), "deflate": zlib.compress}
    for coding, packed in packers.items():
        field = f"Content-Encoding: {coding}"
        body = padded(draw.integer(1000, 9000))
        small = packed(body)
        said = "the bytes are those that come out"
        did = f"answered with {len(small)} bytes that {coding} makes {len(body):,} of"
        script = said_by(message(small, 200, field))
        await finds(answer, draw, script, ("healthy", 200, len(body)), said, did)
        bomb = packed(padded(2 * 2**20))
        said = f"of a body, {LARGEST:,} bytes may come out"
        did = f"answered with {len(bomb):,} bytes that {coding} makes {2 * 2**20:,} of"
        script = ended_after(message(bomb, 200, field))
        await is_too_large(answer, draw, script, said, did)


@exercise.check(
    "a refusal and an unknown name are two things",
    points=2,
    misconception="one-error-fits-all",
    hints=[
        "HTTPX raises ConnectError for both. What did the system say?",
        "An exception has the one behind it in __cause__ or __context__. Go back until there is "
        "none.",
        "isinstance(error, ConnectionRefusedError) and isinstance(error, socket.gaierror), for "
        "each error of the chain; whatever is neither is broken.",
    ],
    deadline=45.0,
)
async def a_refusal_and_an_unknown_name_are_two_things(answer, draw, variant):
    with socket.socket() as idle:  # a port that is taken, where nobody listens
        idle.bind((HOST, 0))
        port = idle.getsockname()[1]
        answer.ports.add(port)
        path = a_path(draw)
        cases = [
            ("refused", f"http://{HOST}:{port}{path}", "a port without a listener"),
            # RFC 6761, 6.4: no name ends in .invalid, and no resolver has to ask anybody
            ("unknown-name", f"http://{draw.word()}.invalid:{port}{path}", "a name of nobody"),
            # TCP cannot connect to a multicast address: every system refuses to try
            ("broken", f"http://224.0.0.1:{port}{path}", "an address that cannot be reached"),
        ]
        for verdict, url, what in shuffled(draw, cases):
            did = f"called check(url, {SECONDS:g}) with the URL of {what}"
            report = await called(answer, url, did=did)
            said = "what the system said has its own verdict"
            agrees(report, (verdict, None, 0), said, did)


@exercise.check(
    "a broken answer is no answer",
    points=2,
    misconception="one-error-fits-all",
    hints=[
        "Your check has read something, and then the peer did what HTTP does not know. What does "
        "HTTPX raise?",
        "All that HTTPX raises about a peer is an httpx.RequestError. What was known before, a "
        "status, a number of bytes, stays true. And which text has an error without a message?",
        "except httpx.RequestError as error, and repr(error) for the why: str(error) may be empty.",
    ],
    deadline=30.0,
)
async def a_broken_answer_is_no_answer(answer, draw, variant):
    short = head(body=bytes(100)) + OK
    many = [f"X-Field-{number:05}: {number:05}" for number in range(10_000)]
    ends = chunk(OK) + b"20\r\n" + OK
    cases = [
        ("said 220 ready, and ended the connection", b"220 ready\r\n", None, 0),
        ("answered with a head of 10,000 fields", message(OK, 200, *many), None, 0),
        ("ended the connection inside the body", short, 200, len(OK)),
        ("ended it inside a chunk", head(chunked=True) + ends, 200, 2 * len(OK)),
        ("sent a chunk without a size", head(chunked=True) + b"ok\r\n" + OK, 200, 0),
        ("said gzip, and sent text", message(OK, 200, "Content-Encoding: gzip"), 200, 0),
    ]
    said = "what is no whole answer in HTTP is broken; what had come counts"
    for did, data, status, count in shuffled(draw, cases):
        await finds(answer, draw, ended_after(data), ("broken", status, count), said, did)
    for did, data in (
        ("reset the connection instead of an answer", b""),
        ("reset the connection inside the body", short),
    ):
        async with an_api(answer, draw, ended_after(data, reset=True)) as (url, _):
            report = await called(answer, url, did=did)
        assert_equal(report["verdict"], "broken", "a reset breaks the answer", did)


@exercise.check(
    "follows five redirections, and stays",
    points=2,
    hints=[
        "Which requests did the check see, and to where?",
        "Look at the head of a redirection, leave it, and ask the next URL, at most five times. "
        "Scheme, host and port are those of the first URL, or it is the end.",
        "target = url.join(response.headers['location']) makes a whole URL of any Location; then "
        "compare (scheme, host, port) of both.",
    ],
    deadline=30.0,
)
async def follows_five_redirections_and_stays(answer, draw, variant):
    await follows(answer, draw, MOST_REDIRECTS, ("healthy", 200, len(OK)))
    await follows(answer, draw, MOST_REDIRECTS + 1, ("redirects", 308, 0))
    await leaves_the_body(answer, draw)
    await stays(answer, draw)
    data = message(b"moved", 302)
    said, did = "a redirection to nowhere is an answer", "answered 302 without Location"
    await finds(answer, draw, said_by(data), ("unhealthy", 302, 5), said, did)


async def follows(answer, draw, times, wanted):
    """Redirect so often, to places in each form that a Location may have; then be healthy."""
    statuses = [301, 302, 303, 307, 302, 308]
    names = [draw.word() + str(number) for number in range(times)]
    places = [f"/{name}" for name in names]

    async def script(conn, number):
        data = message()
        if number <= times:
            host, port = conn.local
            name = names[number - 1]
            here = f"//{host}:{port}"
            forms = [f"/{name}", f"http:{here}/{name}", name, f"{here}/{name}"]
            location = f"Location: {forms[number % len(forms)]}"
            data = message(b"", statuses[number - 1], location)
        await said_by(data)(conn, number)

    did = f"redirected it {times} times within the same origin"
    async with an_api(answer, draw, script) as (url, asked):
        report = await called(answer, url, did=did)
    said = f"{MOST_REDIRECTS} redirections are followed, and no more"
    agrees(report, wanted, said, did)
    path = url.partition(HOST)[2].partition("/")[2]
    expected = [f"GET /{path}", *(f"GET {place}" for place in places[:MOST_REDIRECTS])]
    assert_equal(asked, expected, said, did)


async def leaves_the_body(answer, draw):
    """Redirect with a body of which nobody has need."""

    async def script(conn, number):
        if number == 1:
            await conn.send(head(302, "Location: /there", body=bytes(10**6)) + OK)
            await until_left(conn, "the body of a redirection is not read")
        else:
            await said_by(message())(conn, number)

    did = "sent 16 of 1,000,000 bytes that a redirection has as its body"
    async with an_api(answer, draw, script) as (url, _):
        report = await called(answer, url, did=did)
    said = "the body of a redirection is not read"
    agrees(report, ("healthy", 200, len(OK)), said, did)


async def stays(answer, draw):
    """Redirect to other origins: somebody listens there, whom nobody shall ask."""
    visits = []

    async def elsewhere(conn, number):
        visits.append(number)

    async with answer.facing(elsewhere) as (host, other):
        places = [
            ("http://{host}:{other}/health", "another port"),
            ("http://{host}:{port}@{host}:{other}/health", "another port, behind a user name"),
            ("https://{host}:{port}/health", "another scheme"),
            ("http://localhost:{port}/health", "another host"),
        ]
        for place, what in shuffled(draw, places):

            async def script(conn, number, place=place):
                there = place.format(host=host, port=conn.local[1], other=other)
                await said_by(message(b"", 302, f"Location: {there}"))(conn, number)

            did = f"redirected it to {what}"
            said = "a check goes to one origin: scheme, host and port stay as they are"
            await finds(answer, draw, script, ("redirects", 302, 0), said, did)
            assert_equal(len(visits), 0, "nobody connects to another origin", did)


@exercise.check(
    "closes what it opened",
    points=1,
    misconception="python-closes-sockets",
    hints=[
        "A response came with its length, and the server keeps the connection. Who closes it?",
        "A client keeps connections for later. Close it however the check ends: after a verdict, "
        "an error, a deadline.",
        "async with httpx.AsyncClient(...) as client: and one client for each check.",
    ],
    deadline=30.0,
)
async def closes_what_it_opened(answer, draw, variant):
    def left_behind(data):
        async def script(conn, number):
            with contextlib.suppress(Mismatch):
                await conn.send(data)
            await until_left(conn, "the report is made, and the connection is still open")

        return script

    cases = [
        ("healthy", message()),
        ("too-large", message(padded(LARGEST + 1))),
        ("redirects", message(b"", 302, "Location: http://localhost/")),
        ("broken", b"HTTP/1.1 ok\r\n\r\n"),
    ]
    async with an_api(answer, draw, said_by(message())) as (url, _):
        await called(answer, url)  # the first call imports what it needs
    for verdict, data in shuffled(draw, cases):
        did = f"did what is {verdict}, and did not close the connection"
        before = answer.descriptors()
        async with an_api(answer, draw, left_behind(data)) as (url, _):
            await called(answer, url, did=did)
            left = answer.descriptors() - before
        said = "what check opened is closed when it returns"
        assert_that(left <= 0, said, "as many open descriptors as before", f"{left} more", did)
    assert_that(
        "ResourceWarning: unclosed" not in answer.output,
        said="what check opened was closed by Python, not by check",
        did="looked at what Python says of sockets that it had to close",
        expected="check closes its client itself",
        got="a ResourceWarning of Python, shown below",
    )


@exercise.check(
    "two checks at once",
    points=1,
    hints=[
        "Two checks run at the same time, in two threads. What do they share?",
        "A variable or a client at the top of the module is one for all calls, and a client "
        "belongs to the event loop in which it was first used.",
        "Everything that a check counts or opens belongs in the call: local names.",
    ],
    deadline=20.0,
)
async def two_checks_at_once(answer, draw, variant):
    begun, other_done = asyncio.Event(), asyncio.Event()
    body = padded(draw.integer(100, 900))

    async def halting(conn, number):
        await conn.send(head(503, body=body) + body[:50])
        begun.set()
        await other_done.wait()
        await conn.send(body[50:])

    did = "sent the first half of a body, answered another check, and sent the other half"
    said = "two checks at once have nothing to do with each other"
    async with an_api(answer, draw, halting) as (url, _):
        async with answer.running("check", url, SECONDS) as first:
            await has_asked(first, begun, did)
            script = said_by(message())
            await finds(answer, draw, script, ("healthy", 200, len(OK)), said, did)
            other_done.set()
            report = await first.result()
    agrees(report, ("unhealthy", 503, len(body)), said, did)


@exercise.check(
    "a check that is cancelled has no verdict",
    points=1,
    misconception="cancel-stops-at-once",
    hints=[
        "Who cancels a check does not want its report. What becomes of CancelledError in yours?",
        "asyncio.timeout raises TimeoutError, and only when its own time is over. CancelledError "
        "comes from outside.",
        "Catch TimeoutError and httpx.RequestError. No bare except, and no BaseException.",
    ],
    deadline=20.0,
)
async def a_check_that_is_cancelled_has_no_verdict(answer, draw, variant):
    begun = asyncio.Event()

    async def waiting(conn, number):
        begun.set()
        await until_left(conn, "the check is cancelled, and its connection is still open")

    did = f"called check(url, {SECONDS:g}), and cancelled it while it waited for the answer"
    async with an_api(answer, draw, waiting) as (url, _):
        async with answer.running("check", url, SECONDS) as task:
            await has_asked(task, begun, did)
            await task.cancel()
            if not await task.wait(LEAVING * patience.get()):
                said = "a check that is cancelled ends"
                raise Mismatch(said, did, "CancelledError", "it goes on", waited=True)
            try:
                report = await task.result()
            except AnswerRaised as raised:
                if "CancelledError" not in raised.kinds:
                    raise
            else:
                fail("a check that is cancelled raises CancelledError", did, "no report", report)
