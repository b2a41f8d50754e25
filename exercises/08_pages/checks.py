"""Checks of the exercise `pages`: the items of all pages, one after the other.

The checks are the server, and take one item after the other: so they see when a page is asked for,
over which connection, with which fields, and what is done when the reading ends before its end.
Time is the checks' own: who waits for a Retry-After of an hour is done at once.
"""

import asyncio
import contextlib
import json
import re
from dataclasses import dataclass

import h11

from labsupport.checking import (
    AnswerRaised,
    Coroutine,
    Exercise,
    Mismatch,
    StandIn,
    assert_equal,
    assert_that,
    fail,
)
from labsupport.checking.asserts import apart, patience
from labsupport.checking.showing import count, show
from labsupport.checking.simulated import SimulatedClock

exercise = Exercise(
    "pages",
    title="pages: every item, and no more requests than it takes",
    lesson="08b",
    minutes=40,
    kind="core",
    entry="async items(url, token, clock), an async generator",
)

records = Exercise(
    "pages.records",
    title="pages, the step: a reader that is closed in any case",
    lesson="08b",
    minutes=4,
    kind="core",
    entry="async records(reader), an async generator",
)

REQUESTS = 60  # that one reading may take; no check has so many pages
IDLE = 60.0  # seconds that a connection may lie still: longer than any check
DEADLINE = 20.0  # seconds for a check: an HTTPX client for each reading, on a busy machine
GENEROUS = 3.0  # seconds for what takes a moment
TRIES = 5  # requests for a page that answers 429
LATER = {"items": ["later"], "next": None}  # what no page is that says 429


@dataclass
class Reply:
    """What the server answers. cut: bytes that are missing at the end of the body."""

    status: int
    body: bytes
    fields: tuple[tuple[str, str], ...] = ()
    cut: int = 0


class Site:
    """The check as the server: it has pages, and notes who asks for them, and when.

    pages: by target, what is answered in turn; the last one stays. before: by target, how many
    items come before that page; where it is set, a page may be asked for when more are wanted.
    """

    def __init__(self, draw):
        self.token = f"{draw.word()}-{draw.integer(10**6, 10**7)}"
        self.path = f"/{draw.word()}/{draw.word()}"
        self.pages = {}
        self.before = None
        self.wanted = 0
        self.asked = []
        self.heads = []
        self.connections = 0
        self.left = 0
        self.change = asyncio.Event()
        self.base = ""
        self.did = ""

    # ---- its pages ----

    def target(self, number):
        return f"{self.path}?page={number}"

    def put(self, target, document, **more):
        """Put a page there; a str as `next` is a reference, an int one of the pages by number."""
        following = document.get("next")
        if isinstance(following, int) and not isinstance(following, bool):
            document = {**document, "next": self.base + self.target(following)}
        self.pages[target] = [Reply(200, json.dumps(document).encode(), **more)]

    def chain(self, *pages):
        """Pages 1 to n of these items, each with the absolute URL of the next."""
        for number, items in enumerate(pages, 1):
            following = number + 1 if number < len(pages) else None
            self.put(self.target(number), {"items": items, "next": following})
        sizes = ", ".join(str(len(items)) for items in pages)
        self.did = f"served {count(len(pages), 'page')} of {sizes} items"

    @property
    def url(self):
        return self.base + self.target(1)

    # ---- the server ----

    async def serve(self, conn, number):
        self.connections = number
        server = h11.Connection(h11.SERVER)
        try:
            while (head := await self._head(server, conn)) is not None:
                reply = self._answer(head)
                whole = [*reply.fields, ("Content-Length", str(len(reply.body) + reply.cut))]
                message = h11.Response(
                    status_code=reply.status,
                    headers=[("Content-Type", "application/json"), *whole],
                )
                await conn.send((server.send(message) or b"") + reply.body)
                if reply.cut:
                    return
                server.send(h11.Data(data=reply.body))
                server.send(h11.EndOfMessage())
                server.start_next_cycle()
        finally:
            self.left += 1
            self.change.set()

    async def _head(self, server, conn):
        """The next request, or None when the client has left."""
        head = None
        while True:
            try:
                event = server.next_event()
            except h11.RemoteProtocolError:
                raise Mismatch(
                    "what comes is no HTTP request", did=self.did, expected="a request over HTTP",
                    got="something else, such as the beginning of TLS",
                ) from None  # fmt: skip
            if isinstance(event, h11.ConnectionClosed):
                return None
            if isinstance(event, h11.EndOfMessage):
                return head
            if isinstance(event, h11.Request):
                head = event
            if event is h11.NEED_DATA:
                try:
                    server.receive_data(await conn.recv(timeout=IDLE))
                except Mismatch:  # a reset: it has left, too
                    return None

    def _answer(self, head):
        # Where a token stands in the target is the affair of one check: the others pass over it.
        target = re.sub(rf"[?&][^?&=]*={re.escape(self.token)}", "", head.target.decode("latin-1"))
        self.asked.append(target)
        self.heads.append(head)
        if len(self.asked) > REQUESTS:
            raise Mismatch(
                "it goes on and on",
                did=self.did,
                expected="the end, or an error",
                got=f"{count(len(self.asked), 'request')}, the last one for {target}",
            )
        if target not in self.pages:
            raise Mismatch(
                "a page is asked for that nobody named",
                did=self.did,
                expected=f"requests for {', '.join(self.pages)}",
                got=f"GET {target}",
            )
        if self.before is not None and self.wanted <= self.before[target]:
            raise Mismatch(
                "a page is asked for when its first item is wanted, and not before",
                did=f"{self.did}, and asked for {count(self.wanted, 'item')} so far",
                expected=f"no request for {target} yet: {self.before[target]} items come before",
                got=f"GET {target}",
            )
        replies = self.pages[target]
        return replies.pop(0) if len(replies) > 1 else replies[0]

    async def all_left(self):
        """Whether all connections are at their end, or come to it within a moment."""
        try:
            async with asyncio.timeout(GENEROUS * patience.get()):
                while self.left < self.connections:
                    self.change.clear()
                    await self.change.wait()
        except TimeoutError:
            return False
        return True

    # ---- the reader ----

    @contextlib.asynccontextmanager
    async def reading(self, answer, clock=None):
        """Call items for the first page, and take from it in the block."""
        spent = clock or SimulatedClock()
        self.wanted = 0
        self.asked.clear()
        self.heads.clear()
        async with answer.iterating("items", self.url, self.token, spent) as iterator:
            yield Reading(self, iterator)

    async def read(self, answer, clock=None):
        """All items of one reading."""
        async with self.reading(answer, clock) as reading:
            return await reading.rest()


class Reading:
    """The items of one call, taken one by one."""

    def __init__(self, site, iterator):
        self.site = site
        self.iterator = iterator

    async def take(self):
        """The next item. Raises StopAsyncIteration at the end."""
        self.site.wanted += 1
        return await anext(self.iterator)

    async def rest(self):
        """All that is left, up to the end."""
        taken = []
        while True:
            try:
                taken.append(await self.take())
            except StopAsyncIteration:
                return taken
            if len(taken) > 20 * REQUESTS:
                fail("it goes on and on", self.site.did, "the end", count(len(taken), "item"))

    async def raises(self, kind, items, said):
        """First these items have to come, and then that error."""
        for item in items:
            try:
                got = await self.take()
            except AnswerRaised as raised:
                fail(said, self.site.did, f"the items {show(items)}, and then {kind}",
                     f"{raised} in the place of {show(item)}")  # fmt: skip
            except StopAsyncIteration:
                fail(said, self.site.did, f"the item {show(item)}", "the end of the items")
            assert_equal(got, item, said, self.site.did)
        try:
            got = await self.take()
        except AnswerRaised as raised:
            assert_that(kind in raised.kinds, said, f"{kind} is raised", f"{raised}", self.site.did)
        except StopAsyncIteration:
            fail(
                said,
                self.site.did,
                f"{kind} is raised",
                "the end of the items, as if all were there",
            )
        else:
            fail(said, self.site.did, f"{kind} is raised", f"the item {show(got)}")


@contextlib.asynccontextmanager
async def site_for(answer, draw):
    """A server that the answer can be sent to."""
    site = Site(draw)
    async with answer.facing(site.serve) as (host, port):
        site.base = f"http://{host}:{port}"
        yield site


def words(draw, *sizes):
    """Pages of so many words, all of which differ."""
    found = iter({f"{draw.word()}{number}": None for number in range(sum(sizes))})
    return [[next(found) for _ in range(size)] for size in sizes]


def joined(pages):
    return [item for page in pages for item in page]


# ---- the step ----


class Reader(StandIn):
    """A reader of lines, which notes what is asked of it."""

    exposed = ("read", "close")

    def __init__(self, lines):
        self.lines = list(lines)
        self.reads = 0
        self.closed = 0

    def __repr__(self):
        return "reader"

    def read(self):
        return Done(self._next)

    def close(self):
        return Done(self._close)

    def _next(self):
        self.reads += 1
        if self.closed:
            raise ValueError("the reader is closed")
        line = self.lines.pop(0) if self.lines else None
        if isinstance(line, Exception):
            raise line
        return line

    def _close(self):
        self.closed += 1


class Done(Coroutine):
    """What a method of the reader returns: a coroutine that does it at once."""

    def __init__(self, work):
        self.work = work

    async def run(self):
        return self.work()


@records.check(
    "a record is read when it is wanted",
    points=1,
    hints=[
        "How many lines have been read when the first record is there?",
        "A loop that reads one line and yields one record needs no list.",
    ],
)
async def a_record_is_read_when_it_is_wanted(answer, draw, variant):
    lines = [draw.word() for _ in range(4)]
    reader = Reader(lines)
    async with answer.iterating("records", reader) as got:
        for number, line in enumerate(lines, 1):
            did = f"asked for record {number} of {len(lines)}"
            assert_equal(await anext(got), line, "each line is a record", did)
            said = "a line is read when its record is wanted"
            assert_equal(reader.reads, number, said, did)
        rest = [item async for item in got]
        assert_equal(rest, [], "None is the end, and no record", "read all lines")
    empty = Reader(["", draw.word(), ""])
    wanted = list(empty.lines)
    async with answer.iterating("records", empty) as got:
        with apart("What does your loop take for the end? Only None is."):
            said, did = "an empty line is a record, too", "had empty lines between"
            assert_equal([item async for item in got], wanted, said, did)


@records.check(
    "the reader is closed in any case",
    points=1,
    hints=[
        "The caller leaves after the first record. Which of your lines run then?",
        "Closing a generator raises GeneratorExit at its yield: what stands in finally is run, and "
        "what stands behind the loop is not.",
    ],
)
async def the_reader_is_closed_in_any_case(answer, draw, variant):
    said = "the reader is closed, once"
    reader, did = Reader(words(draw, 2)[0]), "read to the end"
    async with answer.iterating("records", reader) as got:
        assert_equal(len([item async for item in got]), 2, "each line is a record", did)
    assert_equal(reader.closed, 1, said, did)
    reader, did = Reader(words(draw, 3)[0]), "left after the first of three records"
    async with answer.iterating("records", reader) as got:
        await anext(got)
    assert_equal(reader.closed, 1, said, did)
    reader, did = Reader([draw.word(), OSError(5, "broken")]), "had the second read raise OSError"
    try:
        async with answer.iterating("records", reader) as got:
            items = [item async for item in got]
    except AnswerRaised as raised:
        assert_that("OSError" in raised.kinds, "that error is raised", "OSError", f"{raised}", did)
    else:
        fail("that error is raised", did, "OSError", f"the end, behind {show(items)}")
    assert_equal(reader.closed, 1, said, did)


# ---- the build ----


@exercise.check(
    "every item of every page",
    points=2,
    hints=[
        "Which items came, and which did not? Look at the first that differs.",
        "An item is any JSON value, and may come twice. The last page has a next of null, or none.",
        "for item in page['items']: yield item, and then page.get('next').",
    ],
    deadline=DEADLINE,
)
async def every_item_of_every_page(answer, draw, variant):
    async with site_for(answer, draw) as site:
        said = "all items come, page by page, in their order"
        one = words(draw, 3)
        site.chain(*one)
        assert_equal(await site.read(answer), joined(one), said, site.did)
        twice = draw.word()
        odd = [[None, 0, "", False], [[], {}, twice, twice], [twice, {"next": draw.word()}, 1.5]]
        site.chain(*odd)
        del site.pages[site.target(3)]
        site.put(site.target(3), {"items": odd[2]})
        site.did += ", the last of which has no next"
        assert_equal(await site.read(answer), joined(odd), said, site.did)


@exercise.check(
    "an empty page is not the end",
    points=1,
    misconception="an-empty-page-is-the-end",
    hints=[
        "What does your loop take for the end?",
        "A server that filters may have nothing to say on a page, and more on the next one.",
        "Only the next of a page decides, not its items.",
    ],
    deadline=DEADLINE,
)
async def an_empty_page_is_not_the_end(answer, draw, variant):
    async with site_for(answer, draw) as site:
        pages = words(draw, 0, 2, 0, 0, 1, 0)
        site.chain(*pages)
        said = "a page without items is a page: what follows is said by its next"
        assert_equal(await site.read(answer), joined(pages), said, site.did)
        said = "each page is asked for once"
        assert_equal(site.asked, list(site.pages), said, site.did)


@exercise.check(
    "a page is asked for when it is wanted",
    points=2,
    hints=[
        "The caller takes three items, and has found what it looked for. How many pages did you "
        "fetch?",
        "Between two yields nothing may go on: no list of all pages, no task that fetches ahead.",
        "Fetch, yield the items of that page one by one, and go on to the next page behind the "
        "loop.",
    ],
    deadline=DEADLINE,
)
async def a_page_is_asked_for_when_it_is_wanted(answer, draw, variant):
    # Each item is a turn for the loop of the answer, in which a task that it began would go on.
    pages = words(draw, 40, 1, 1, 3)
    async with site_for(answer, draw) as site:
        site.chain(*pages)
        site.before = dict(zip(site.pages, (0, 40, 41, 42), strict=True))
        async with site.reading(answer) as reading:
            for number, item in enumerate(joined(pages), 1):
                did = f"{site.did}, and asked for item {number}"
                assert_equal(await reading.take(), item, "the items come in order", did)
            assert_equal(await reading.rest(), [], "behind the last item is the end", site.did)


@exercise.check(
    "one connection, and it is closed",
    points=2,
    hints=[
        "Who makes the client, how often, and who closes it when the caller leaves early?",
        "Closing a generator raises GeneratorExit at its yield. It has to get out, past whatever "
        "closes the client.",
        "async with httpx.AsyncClient(...) as client: around the loop and its yields. Nothing "
        "catches what comes out of a yield.",
    ],
    deadline=DEADLINE,
)
async def one_connection_and_it_is_closed(answer, draw, variant):
    async with site_for(answer, draw) as site:
        pages = words(draw, 1, 1, 3, 1)
        site.chain(*pages)
        site.did += ", and left in the middle of the third"
        async with site.reading(answer) as reading:
            for _ in range(4):
                await reading.take()
        said = "all pages come over one connection"
        assert_equal(count(site.connections, "connection"), "1 connection", said, site.did)
        await closed(answer, site)
        site.pages[site.target(3)] = [Reply(500, b"{}")]
        site.did = "served two pages, and answered 500 for the third"
        with contextlib.suppress(AnswerRaised):  # what it raises is the affair of another check
            await site.read(answer)
        await closed(answer, site)


async def closed(answer, site):
    """Whatever the answer has opened has to be closed by now, by itself."""
    left = [each for each in answer.open_sockets() if each.state == "ESTABLISHED"]
    said = "when the generator has ended, its connection is closed"
    open_still = f"{count(len(left), 'connection')} still open"
    assert_that(not left, said, "no connection is open", open_still, site.did)
    assert_that(await site.all_left(), said, "the end of the stream", "none came", site.did)


@exercise.check(
    "next is resolved against its page",
    points=2,
    hints=[
        "next is a reference, as the href of a link is. What is ../b?page=2 on a page "
        "that you got from http://h/a/list?page=1?",
        "RFC 3986, section 5.2: a relative reference is resolved against the URL of the document "
        "that it stands in, which is another one on each page.",
        "httpx.URL(page_url).join(reference), or urllib.parse.urljoin(page_url, reference).",
    ],
    deadline=DEADLINE,
)
async def next_is_resolved_against_its_page(answer, draw, variant):
    a, b = draw.word(), draw.word() + "s"
    cursor = f"{draw.word()}%2F{draw.word()}%3D%3D+{draw.integer(10, 99)}"
    async with site_for(answer, draw) as site:
        steps = [
            (f"{site.path}?page=1", "?page=2"),
            (f"{site.path}?page=2", f"{a}/next"),
            (f"{site.path.rpartition('/')[0]}/{a}/next", "more/next"),
            (f"{site.path.rpartition('/')[0]}/{a}/more/next", "more/next"),
            (f"{site.path.rpartition('/')[0]}/{a}/more/more/next", f"../../{b}/?q=a/b"),
            (f"{site.path.rpartition('/')[0]}/{a}/{b}/?q=a/b", f"/{b}?cursor={cursor}"),
            (f"/{b}?cursor={cursor}", f"//{site.base.partition('//')[2]}/{a}"),
            (f"/{a}", f"{site.base.replace('http', 'HTTP')}/{b}"),
            (f"/{b}", None),
        ]
        pages = words(draw, *(1 for _ in steps))
        for (target, following), items in zip(steps, pages, strict=True):
            site.put(target, {"items": items, "next": following})
        references = ", ".join(str(following) for _, following in steps)
        site.did = f"served {count(len(steps), 'page')} whose next are: {references}"
        got = await site.read(answer)
        said = "next leads from the page that it stands on"
        assert_equal(site.asked, [target for target, _ in steps], said, site.did)
        assert_equal(got, joined(pages), "all items come", site.did)


@exercise.check(
    "the token goes in Authorization only",
    points=1,
    hints=[
        "Who writes down the URLs that a server is asked for?",
        "Logs, proxies and caches keep URLs. Authorization they do not.",
        'headers={"Authorization": f"Bearer {token}"}, for every page, and nothing else.',
    ],
    deadline=DEADLINE,
)
async def the_token_goes_in_authorization_only(answer, draw, variant):
    async with site_for(answer, draw) as site:
        site.chain(*words(draw, 1, 2, 1))
        await site.read(answer)
        for head in site.heads:
            fields = [(name.decode(), value.decode("latin-1")) for name, value in head.headers]
            given = [value for name, value in fields if name == "authorization"]
            target = head.target.decode("latin-1")
            did = f"{site.did}, and looked at the request for {target.partition(site.token)[0]}"
            said = "each request has the token in the field Authorization"
            assert_equal(given, [f"Bearer {site.token}"], said, did)
            others = [name for name, value in fields if site.token in value]
            others += ["the URL"] if site.token in target else []
            said = "the token stands in Authorization, and nowhere else"
            assert_equal(others, ["authorization"], said, did)


@exercise.check(
    "the token stays with its origin",
    points=2,
    misconception="secrets-stay-home",
    hints=[
        "Who decides where your next request goes, and what goes with it?",
        "An origin is a scheme, a host and a port. Compare those of the resolved URL, and not the "
        "beginning of its text.",
        "Compare (url.scheme, url.host, url.port) with those of the first page, before the "
        "request, and raise ValueError when they differ.",
    ],
    deadline=DEADLINE,
)
async def the_token_stays_with_its_origin(answer, draw, variant):
    async def stranger(conn, number):
        data = await conn.recv(timeout=IDLE)
        came = "the token" if site.token.encode() in data else "a request without the token"
        raise Mismatch(
            "another origin is not asked for anything", did=site.did,
            expected="no connection to another port", got=f"{came} came there",
        )  # fmt: skip

    async with site_for(answer, draw) as site, answer.facing(stranger) as (host, port):
        pages = words(draw, 2, 1, 2)
        there, name = site.base.partition("//")[2], draw.word()
        for what, reference in (
            ("another port", f"http://{host}:{port}/{name}"),
            ("another port, behind a name that looks like the origin",
             f"http://{there}@{host}:{port}/{name}"),
            ("another host", f"//localhost:{there.partition(':')[2]}/{name}"),
            ("another scheme", f"https://{there}{site.target(3)}"),
        ):  # fmt: skip
            site.chain(*pages)
            site.put(site.target(2), {"items": pages[1], "next": reference})
            site.did = f"gave the second of three pages a next that leads to {what}"
            async with site.reading(answer) as reading:
                said = "a next that leads to another origin is refused, behind the items"
                await reading.raises("ValueError", joined(pages[:2]), said)
            assert_equal(len(site.asked), 2, "two pages are asked for", site.did)


@exercise.check(
    "a circle is an error",
    points=1,
    misconception="next-can-be-trusted",
    hints=[
        "What ends your loop, if the server never does?",
        "Keep the URLs of all pages that were asked for. The same text may lead to another page, "
        "and another text to the same one.",
        "Resolve first. If the URL is in the set of those that were asked for, raise ValueError.",
    ],
    deadline=DEADLINE,
)
async def a_circle_is_an_error(answer, draw, variant):
    async with site_for(answer, draw) as site:
        pages = words(draw, 2, 1, 1, 1)
        shouted = site.base.replace("http", "HTTP")
        for back, reference in ((4, site.base + site.target(4)), (1, shouted + site.target(1))):
            site.chain(*pages)
            site.put(site.target(4), {"items": pages[3], "next": reference})
            site.did = f"gave the last of four pages a next that leads to page {back}"
            async with site.reading(answer) as reading:
                said = "a next that leads to a page that was there already is an error"
                await reading.raises("ValueError", joined(pages), said)
            assert_equal(len(site.asked), 4, "each page is asked for once", site.did)


@exercise.check(
    "429 is waited out",
    points=2,
    hints=[
        "The server says how long to wait. What do you do with the page that you wanted?",
        "Wait on the clock that you are given, and ask for the same page again. What you have "
        "yielded stays yielded.",
        "A loop of five requests for one page: at 429 with a Retry-After, "
        'await clock.sleep(int(response.headers["Retry-After"])), else raise_for_status().',
    ],
    deadline=DEADLINE,
)
async def a_429_is_waited_out(answer, draw, variant):
    pages = words(draw, 2, 2, 1)

    def busy(number, *waits):
        more = [Reply(429, json.dumps(LATER).encode(), (("Retry-After", str(s)),)) for s in waits]
        site.pages[site.target(number)] = more + site.pages[site.target(number)]

    async with site_for(answer, draw) as site:
        waits = [[draw.integer(2, 9)], [3600, 1, draw.integer(20, 90), 2], [4, 86_400, 4, 5]]
        site.chain(*pages)
        for number, each in enumerate(waits, 1):
            busy(number, *each)
        site.did = f"answered 429 with a Retry-After of {waits} for pages 1 to 3, then the pages"
        clock = SimulatedClock(draw.integer(1000, 9000))
        got = await site.read(answer, clock)
        slept = [float(seconds) for seconds in clock.slept]
        wanted = [float(seconds) for seconds in joined(waits)]
        assert_equal(slept, wanted, "who is told to wait does so", site.did)
        assert_equal(got, joined(pages), "no item is lost, and none comes twice", site.did)
        for said, fields, requests in (
            ("the fifth 429 in a row is an error", (("Retry-After", "7"),), TRIES),
            ("a 429 without Retry-After is an error", (), 1),
        ):
            site.chain(*pages)
            site.pages[site.target(2)] = [Reply(429, json.dumps(LATER).encode(), fields)]
            with_it = " with a Retry-After of 7" if fields else ""
            site.did = f"answered 429{with_it} for page 2, again and again"
            clock = SimulatedClock()
            async with site.reading(answer, clock) as reading:
                await reading.raises("HTTPStatusError", pages[0], said)
            assert_equal(len(site.asked) - 1, requests, f"{said}: requests for page 2", site.did)
            slept = [float(seconds) for seconds in clock.slept]
            assert_equal(slept, [7.0] * (requests - 1), "it waits between them", site.did)


@exercise.check(
    "a page that fails is an error",
    points=2,
    hints=[
        "The third page did not come. How does the caller learn that its list is not complete?",
        "An end that comes of an error looks like the end. Let the error out, and look at the "
        "status and at what the document is before you use it.",
        "response.raise_for_status() before response.json(). Then the document has to be a dict, "
        "its items a list, its next a str or None: else raise ValueError.",
    ],
    deadline=DEADLINE,
)
async def a_page_that_fails_is_an_error(answer, draw, variant):
    pages = words(draw, 1, 1, 1)
    page = {"items": [draw.word()], "next": None}
    whole, more = json.dumps(page).encode(), draw.integer(1, 9)
    async with site_for(answer, draw) as site:
        target = site.target(3)
        for what, kind, reply in (
            ("500, with a document like a page", "HTTPStatusError", Reply(500, whole)),
            ("302", "HTTPStatusError", Reply(302, whole, (("Location", site.target(1)),))),
            ("a body that ends too early", "TransportError", Reply(200, whole, (), more)),
            ("a list", "ValueError", Reply(200, b"[]")),
            ("items that are a text", "ValueError", Reply(200, b'{"items": "ab", "next": null}')),
            ("a next that is a number", "ValueError", Reply(200, b'{"items": [], "next": 3}')),
        ):
            site.chain(*pages)
            site.pages[target] = [reply]
            site.did = f"served two pages, and answered {what} for the third"
            async with site.reading(answer) as reading:
                said = "what went wrong is raised, behind the items that were there"
                await reading.raises(kind, joined(pages[:2]), said)
