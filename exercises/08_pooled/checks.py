"""Checks of the exercise `pooled`: one client for all calls, shared by threads.

The checks are the server. They count connections, and hold back responses so that what happens at
the same time is what they say, and not what the machine had time for.
"""

import asyncio
import contextlib
import json
import struct
from dataclasses import dataclass, field

import h11

from labsupport.checking import Exercise, Mismatch, assert_equal, assert_that, fail
from labsupport.checking.asserts import apart, patience
from labsupport.checking.showing import count

exercise = Exercise(
    "pooled",
    title="pooled: one client for all calls",
    lesson="08a",
    minutes=35,
    kind="core",
    entry="Shop(url, key, most) with price(item), size(item), close(), __enter__ and __exit__",
)

lengths = Exercise(
    "pooled.lengths",
    title="pooled, the step: many paths, one connection",
    lesson="08a",
    minutes=4,
    kind="core",
    entry="lengths(url, paths) -> list",
)

AGENT = "shop/1"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEAD = 24  # bytes of a picture that say how large it is
IN_A_ROW = 20
OTHERS = 6  # calls of somebody else, while a call has to wait
WITHIN = 3.0  # seconds for a thing that an answer can do at once
IDLE = 60.0  # seconds that a connection may be silent: longer than any check

REASONS = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}


# ---- the server ----


@dataclass
class Asked:
    """A request that came. fields: their values by names in lower case."""

    target: str
    fields: dict[str, str]
    released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def item(self):
        return self.target.removesuffix("/picture").rpartition("/")[2]

    @property
    def of_picture(self):
        return self.target.endswith("/picture")


def message(status, body, *fields, length=None):
    """A response, whose Content-Length may promise more than comes."""
    lines = [f"HTTP/1.1 {status} {REASONS[status]}", *fields]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def refusal(status, said):
    return message(status, json.dumps({"error": said}).encode(), "Content-Type: application/json")


class Server:
    """A shop at `/<base>`: its items have prices and pictures that are drawn.

    respond: a coroutine (asked, conn) that responds to a request, and returns whether the
    connection goes on; by default everything is answered at once.
    """

    def __init__(self, draw, respond=None, items=1):
        self.base = f"/{draw.word()}"
        self.prices = {}
        while len(self.prices) < items:
            self.prices[draw.word()] = draw.integer(1, 100_000)
        self.items = list(self.prices)
        self.item = self.items[0]
        self.sizes = {each: (draw.integer(1, 9999), draw.integer(1, 9999)) for each in self.items}
        self.connections = 0
        self.asked = []
        self._respond = respond or self.usual
        self._news = asyncio.Event()

    def url(self, address):
        host, port = address
        return f"http://{host}:{port}{self.base}"

    def picture(self, item):
        """How the picture of an item begins; a few bytes more than say its size."""
        return SIGNATURE + b"\0\0\0\rIHDR" + struct.pack(">II", *self.sizes[item]) + b"\x08\x06\0"

    async def script(self, conn, number):
        self.connections += 1
        going_on = True
        while going_on:
            asked = await self._request(conn)
            if asked is None:
                return
            self.asked.append(asked)
            self._news.set()
            going_on = await self._respond(asked, conn)

    async def usual(self, asked, conn):
        """Respond as a shop does."""
        await conn.send(self.good(asked))
        return True

    def good(self, asked):
        """The response that a shop gives."""
        if asked.item not in self.prices:
            return refusal(404, "no such item")
        if asked.of_picture:
            return message(200, self.picture(asked.item), "Content-Type: image/png")
        body = json.dumps({"item": asked.item, "cents": self.prices[asked.item]}).encode()
        return message(200, body, "Content-Type: application/json")

    async def has_been_asked(self, times, said, did):
        """Wait until so many requests have come in all."""
        try:
            async with asyncio.timeout(WITHIN * patience.get()):
                while len(self.asked) < times:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise Mismatch(
                said,
                did,
                expected=count(times, "request"),
                got=f"{len(self.asked)}, and nothing more for {WITHIN:g} s",
                waited=True,
            ) from None

    async def _request(self, conn):
        """The next request of a connection; None where it has ended."""
        reader = h11.Connection(h11.SERVER)
        head = None
        while True:
            try:
                event = reader.next_event()
            except h11.RemoteProtocolError as error:
                fail("a request is HTTP", expected="GET ...", got=str(error))
            if event is h11.NEED_DATA:
                data = await received(conn)
                if not data:
                    return None
                reader.receive_data(data)
            elif isinstance(event, h11.Request):
                head = event
                assert_equal(head.method, b"GET", "a Shop asks, and changes nothing")
            elif isinstance(event, h11.EndOfMessage):
                fields = {name.decode(): value.decode("latin-1") for name, value in head.headers}
                return Asked(head.target.decode(), fields)


async def received(conn):
    """What comes next; b"" at the end. A reset is an end, too: of one with unread bytes."""
    try:
        return await conn.recv(timeout=IDLE)
    except Mismatch as mismatch:
        if mismatch.waited:
            raise
        return b""


# ---- the calls ----


async def soon(call, said, did):
    """What a call returns that has nothing to wait for."""
    try:
        async with asyncio.timeout(WITHIN * patience.get()):
            return await call
    except TimeoutError:
        got = f"nothing for {WITHIN:g} s"
        raise Mismatch(said, did, expected="a result", got=got, waited=True) from None


@contextlib.asynccontextmanager
async def begun(*calls):
    """Calls at the same time, as tasks; what is not done when the block ends is given up."""
    tasks = [asyncio.ensure_future(each) for each in calls]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def priced(shop, server, item, did):
    """The price of an item has to be the server's."""
    got = await soon(shop.call("price", item), "a call is answered", did)
    assert_equal(got, server.prices[item], "price returns the cents of an item", did)


def connected(answer, address):
    """The answer's sockets that are connected to the server."""
    return [each for each in answer.open_sockets() if each.remote and each.remote[1] == address[1]]


# ---- the step ----


@lengths.check(
    "many paths take one connection",
    points=1,
    misconception="a-client-per-call-is-free",
    hints=[
        "How many connections does the version below open for eight paths?",
        "A connection belongs to a client. Make one client before the loop, and ask it each time.",
        "with httpx.Client(base_url=url, trust_env=False) as client: and in it, client.get(path).",
    ],
    deadline=10.0,
)
async def many_paths_take_one_connection(answer, draw, variant):
    bodies = [draw.bytes(draw.integer(0, 200)) for _ in range(8)]
    asked = []

    async def respond(each, conn):
        asked.append(each.target)
        await conn.send(message(200, bodies[int(each.target.rpartition("/")[2])]))
        return True

    server = Server(draw, respond)
    paths = [f"/{draw.word()}/{number}" for number in range(len(bodies))]
    did = f"called lengths(url, [{paths[0]!r}, {paths[1]!r}, ...]) with {len(paths)} paths"
    async with answer.facing(server.script, grace=0.0) as address:
        for some in (paths, [], paths[:1]):
            server.connections = 0
            asked.clear()
            got = await answer.call("lengths", "http://{}:{}".format(*address), some)
            wanted = [len(body) for body in bodies[: len(some)]]
            assert_equal(got, wanted, "the lengths come in the order of the paths", did)
            assert_equal(asked, some, "each path is asked for, once and in order", did)
            if len(some) > 1:
                assert_equal(
                    server.connections, 1, "all paths of a server take one connection", did
                )
            said = "lengths closes what it has opened"
            assert_equal(len(connected(answer, address)), 0, said, did)


# ---- the build ----


@exercise.check(
    "calls in a row take one connection",
    points=2,
    misconception="a-client-per-call-is-free",
    hints=[
        "How many clients does your Shop make in its life, and who remembers them?",
        "Each client has a pool of its own, and what a thread or a call makes for itself, no other "
        "can use. Make one client in __init__, for all methods and all threads.",
        "self.client = httpx.Client(base_url=url, ...), and nothing in it that forbids to keep "
        "connections alive: max_connections=most is all that is asked for.",
    ],
    deadline=30.0,
)
async def calls_in_a_row_take_one_connection(answer, draw, variant):
    most = draw.integer(2, 3)
    held = False

    async def respond(asked, conn):
        if held:
            await asked.released.wait()
        return await server.usual(asked, conn)

    server = Server(draw, respond, items=IN_A_ROW)
    async with answer.facing(server.script, grace=0.0) as address:
        shop = await answer.new("Shop", server.url(address), draw.word(), most)
        for number, item in enumerate(server.items, start=1):
            did = f"called price {count(number, 'time')}, one call after the other"
            await priced(shop, server, item, did)
            said = "the next call takes the connection that the last one has left"
            assert_equal(server.connections, 1, said, did)
        held = True
        for _ in range(2):
            server.asked.clear()
            did = f"called price {count(most, 'time')} at once, with most={most}"
            async with begun(*(shop.call("price", item) for item in server.items[:most])) as calls:
                said = "calls of several threads are under way at the same time"
                await server.has_been_asked(most, said, did)
                for asked in server.asked:
                    asked.released.set()
                for call, item in zip(calls, server.items, strict=False):
                    got = await soon(call, "every call is answered", did)
                    assert_equal(got, server.prices[item], "each call has its own answer", did)
            said = "connections that were used at the same time are kept, all of them"
            assert_equal(server.connections, most, said, did)


@exercise.check(
    "no more at once than most",
    points=2,
    misconception="a-client-per-call-is-free",
    hints=[
        "Which part of your Shop knows `most`? How many requests were under way at once?",
        "The pool counts connections: httpx.Limits(max_connections=most). Whoever comes when all "
        "are taken waits in it. No lock is needed: a Client may be shared by threads.",
        "httpx.Client(..., limits=httpx.Limits(max_connections=most)), one for price and size.",
    ],
    deadline=30.0,
)
async def no_more_at_once_than_most(answer, draw, variant):
    most = draw.choice([2, 3, 5])
    times = most + 3
    answered = 0

    async def respond(asked, conn):
        said = f"with most={most}, at most {most} requests are under way at once"
        now = len(server.asked) - answered
        assert_that(now <= most, said, f"at most {most} requests without a response", now, did)
        await asked.released.wait()
        return await server.usual(asked, conn)

    server = Server(draw, respond, items=times)
    other = Server(draw)
    did = f"called price and size {times} times at once, with most={most}, and answered nothing"
    async with (
        answer.facing(server.script, grace=0.0) as address,
        answer.facing(other.script, grace=0.0) as elsewhere,
    ):
        shop = await answer.new("Shop", server.url(address), draw.word(), most)
        neighbour = await answer.new("Shop", other.url(elsewhere), draw.word(), 1)
        names = [("size", "price")[number % 2] for number in range(times)]
        asking = (shop.call(*each) for each in zip(names, server.items, strict=True))
        async with contextlib.AsyncExitStack() as stack:
            # A size is asked first: it is answered first, while others wait for its connection.
            first = await stack.enter_async_context(begun(next(asking)))
            await server.has_been_asked(1, "a call sends its request", did)
            calls = [*first, *await stack.enter_async_context(begun(*asking))]
            said = f"with most={most}, {most} requests are under way at once"
            await server.has_been_asked(most, said, did)
            # Calls that do not wait for a connection have all the time that these take.
            for _ in range(OTHERS):
                await priced(neighbour, other, other.item, "meanwhile called price of another Shop")
            did += "; then answered one request after the other"
            for number in range(times):
                said = "a call that has waited gets the next connection that is free"
                await server.has_been_asked(min(times, most + number), said, did)
                answered += 1
                server.asked[number].released.set()
            for call, name, item in zip(calls, names, server.items, strict=True):
                got = await soon(call, "every call is answered, also one that had to wait", did)
                wanted = (server.prices if name == "price" else server.sizes)[item]
                assert_equal(got, wanted, f"each {name} is that of its item", did)


@exercise.check(
    "every request carries the key",
    points=1,
    hints=[
        "Compare the requests of price and of size: target and fields. What is missing, and where?",
        "What is the same for all requests belongs to the client, which is made once: base_url and "
        "headers.",
        'httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}", "User-Agent": '
        '"shop/1"}), and client.get(f"items/{item}").',
    ],
    deadline=30.0,
)
async def every_request_carries_the_key(answer, draw, variant):
    server = Server(draw)
    async with answer.facing(server.script, grace=0.0) as address:
        for end in ("", "/"):
            key = draw.bytes(8).hex()
            url = server.url(address) + end
            shop = await answer.new("Shop", url, key, 2)
            for name in ("price", "size", "price"):
                server.asked.clear()
                did = f"made a Shop at http://...{server.base}{end}, and called {name}"
                await soon(shop.call(name, server.item), "a call is answered", did)
                targets = [each.target for each in server.asked]
                tail = "/picture" if name == "size" else ""
                wanted = [f"{server.base}/items/{server.item}{tail}"]
                assert_equal(targets, wanted, "one request, for a path below the url", did)
                fields = server.asked[0].fields
                said = "every request carries the key of its Shop"
                assert_equal(fields.get("authorization"), f"Bearer {key}", said, did)
                said = "every request says whose it is"
                assert_equal(fields.get("user-agent"), AGENT, said, did)
            await shop.call("close")


@exercise.check(
    "two shops share nothing",
    points=1,
    misconception="globals-belong-to-the-app",
    hints=[
        "Where does your client live, and how long? Who else can reach it?",
        "What stands in the module or in the class is there once, for all objects.",
        "Make the client in __init__, for this object alone: self.client = httpx.Client(...).",
    ],
    deadline=30.0,
)
async def two_shops_share_nothing(answer, draw, variant):
    held = True

    async def respond(asked, conn):
        if held:
            await asked.released.wait()
        return await server.usual(asked, conn)

    server = Server(draw, respond)
    async with answer.facing(server.script, grace=0.0) as address:
        url, key = server.url(address), draw.word()
        first = await answer.new("Shop", url, key, 1)
        second = await answer.new("Shop", url, key, 1)
        did = "made two shops with the same arguments and most=1, and called price of both at once"
        async with begun(*(each.call("price", server.item) for each in (first, second))) as calls:
            await server.has_been_asked(2, "each Shop has connections of its own", did)
            held = False
            for asked in server.asked:
                asked.released.set()
            for call in calls:
                assert_equal(await call, server.prices[server.item], "both are answered", did)
        await first.call("close")
        did += "; then closed the first, and called price of the second"
        await priced(second, server, server.item, did)
        third = await answer.new("Shop", url, draw.word(), 1)
        did = "made two shops with different keys, and called price of the older one"
        await priced(second, server, server.item, did)
        said = "each Shop uses its own key"
        assert_equal(server.asked[-1].fields.get("authorization"), f"Bearer {key}", said, did)
        await third.call("close")


@exercise.check(
    "a size takes the first bytes only",
    points=2,
    misconception="responses-close-themselves",
    hints=[
        "The picture goes on for as long as you read. When has your size seen enough?",
        "Stream the response, collect bytes until there are 24 of them, and leave the block of the "
        "stream: it closes the response, and only then is the connection given back.",
        'with self.client.stream("GET", path) as response: and in it, head = '
        'next(response.iter_bytes(24), b""), which waits for 24 bytes or the end.',
    ],
    deadline=30.0,
)
async def a_size_takes_the_first_bytes_only(answer, draw, variant):
    most = 2
    sends = []  # what comes of a picture, in pieces, before the server falls silent
    ends = asyncio.Queue()

    async def respond(asked, conn):
        if not asked.of_picture:
            return await server.usual(asked, conn)
        chunked = "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunks = [b"%x\r\n%b\r\n" % (len(each), each) for each in sends]
        await conn.send(b"".join([chunked.encode(), *chunks]))
        ends.put_nowait(await received(conn))
        return False

    async def sizes_up(call, said, did):
        got = await soon(call, said, did)
        await soon(ends.get(), "the connection of a picture that was left ends", did)
        return got

    server = Server(draw, respond)
    item = server.item
    async with answer.facing(server.script, grace=0.0) as address:
        shop = await answer.new("Shop", server.url(address), draw.word(), most)
        for number in range(2 * most + 1):
            whole = server.picture(item) + draw.bytes(2000)
            sizes = draw.sizes(HEAD - 1, 9) if number % 2 else [len(whole)]
            sends[:] = split(whole, sizes)
            did = f"sent the first {len(whole)} bytes of a picture in {len(sends)} chunks, no end"
            said = "a size needs the first bytes only"
            got = await sizes_up(shop.call("size", item), said, did)
            assert_equal(got, server.sizes[item], "size returns width and height", did)
        jpeg = b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + draw.bytes(2000)
        for _ in range(most + 1):
            sends[:] = [jpeg]
            did = f"sent the first {len(jpeg)} bytes of a JPEG, no end"
            call = shop.raises("ValueError", "size", item)
            await sizes_up(call, "what does not begin as a PNG is refused", did)
        await priced(shop, server, item, "called price behind those pictures")


def split(data, sizes):
    """The data in pieces of these sizes, and the rest in one."""
    pieces, at = [], 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    return [piece for piece in [*pieces, data[at:]] if piece]


@exercise.check(
    "what has failed is over",
    points=2,
    misconception="responses-close-themselves",
    hints=[
        "A call has failed, and the next one gets no connection. Who still has it?",
        "raise_for_status leaves your method before a byte of the body is read. Who closes the "
        "response then? A stream's with block does, whatever happens in it.",
        'with self.client.stream("GET", path) as response: response.raise_for_status() comes '
        "first in the block. Let what HTTPX raises pass, and leave the client as it is.",
    ],
    deadline=40.0,
)
async def what_has_failed_is_over(answer, draw, variant):
    parts = []  # how the server answers the next request, and whether the connection goes on
    last = 0  # the answer's port of the last connection

    async def respond(asked, conn):
        nonlocal last
        last = conn.remote[1]
        if not parts:
            return await server.usual(asked, conn)
        data, goes_on = parts.pop()
        await conn.send(data)
        return goes_on

    server = Server(draw, respond)
    missing = server.item + "x"
    async with answer.facing(server.script, grace=0.0) as address:
        shop = await answer.new("Shop", server.url(address), draw.word(), 1)

        async def fails(name, kind, data, did, goes_on=False):
            """A call fails, with one request; the next one does not."""
            server.asked.clear()
            parts[:] = [(data, goes_on)]
            call = shop.raises(kind, name, missing)
            await soon(call, f"a call that fails raises {kind}", did)
            assert_equal(len(server.asked), 1, "a call sends one request", did)
            did += "; then called price of an item that is there"
            await priced(shop, server, server.item, did)

        for name, status in (("price", 404), ("size", 503), ("size", 404), ("price", 503)):
            did = f"answered {name} with {status} {REASONS[status]}, most=1"
            data = refusal(status, "not now, or never")
            await fails(name, "HTTPStatusError", data, did, goes_on=True)
        for name in ("price", "size"):
            begin = server.picture(server.item)[:12] if name == "size" else b'{"cents"'
            half = message(200, begin, length=40)
            did = f"ended the connection in the middle of the body of a {name}, most=1"
            await fails(name, "HTTPError", half, did)
            did = f"ended the connection without a response to {name}, most=1"
            await fails(name, "HTTPError", b"", did)
        await fails("price", "ValueError", message(200, b"<html>"), "sent a price in HTML", True)
        for size in (0, HEAD - 1):
            short = message(200, server.picture(server.item)[:size], "Content-Type: image/png")
            did = f"sent a picture of {size} bytes, and no more"
            await fails("size", "ValueError", short, did, goes_on=True)
        parts[:] = [(server.good(server.asked[-1]), False)]
        did = "answered price, and closed the connection behind it"
        await priced(shop, server, server.item, did)
        await known_to_be_closed(answer, last)
        did += "; then called price again"
        with apart("Which connection does your next call take, and is it still one?"):
            await priced(shop, server, server.item, did)


async def known_to_be_closed(answer, port):
    """Wait until the end of a connection has come: its socket is in CLOSE_WAIT, or gone."""
    while any(
        each.state == "ESTABLISHED" and each.local[1] == port
        for each in answer.open_sockets()
        if each.local
    ):
        await asyncio.sleep(0.002)


@exercise.check(
    "close closes, for good",
    points=2,
    hints=[
        "After close: which sockets are open, and what does your Shop do with a further call?",
        "A client that is closed closes all its connections, and raises RuntimeError when it is "
        "used. Leave both to it. __enter__ returns the Shop, __exit__ closes it, returning None.",
        "def close(self): self.client.close(); def __enter__(self): return self; "
        "def __exit__(self, *error): self.close().",
    ],
    deadline=30.0,
)
async def close_closes_for_good(answer, draw, variant):
    most = 3
    held = False

    async def respond(asked, conn):
        if held:
            await asked.released.wait()
        return await server.usual(asked, conn)

    server = Server(draw, respond, items=most)
    async with answer.facing(server.script, grace=0.0) as address:
        for way, args in (("close", ()), ("__exit__", (None, None, None))):
            shop = await answer.new("Shop", server.url(address), draw.word(), most)
            if way == "__exit__":
                await assert_entered(shop)
            server.asked.clear()
            held = True
            did = f"called price {most} times at once"
            async with begun(*(shop.call("price", item) for item in server.items)) as calls:
                await server.has_been_asked(most, "calls are under way at the same time", did)
                for asked in server.asked:
                    asked.released.set()
                for call in calls:
                    await soon(call, "every call is answered", did)
            held = False
            did += f", then {way}{args}"
            got = await shop.call(way, *args)
            if way == "__exit__":
                said = "__exit__ lets an exception of the block pass: what it returns is not true"
                assert_that(not got, said, "None", got, did)
            said = "close closes all connections of the Shop"
            assert_equal(len(connected(answer, address)), 0, said, did)
            server.asked.clear()
            for name in ("price", "size"):
                with apart("A closed Shop stays closed. What does your client raise when it is?"):
                    await shop.raises("RuntimeError", name, server.item)
            assert_equal(server.asked, [], "a closed Shop asks for nothing", did)
            await shop.call("close")
        unused = await answer.new("Shop", server.url(address), draw.word(), most)
        await unused.call("close")
        await unused.raises("RuntimeError", "price", server.item)


async def assert_entered(shop):
    """__enter__ has to return the Shop, which cannot be handed over: what can is something else."""
    try:
        got = await shop.call("__enter__")
    except Mismatch:
        return
    fail("`with Shop(...) as shop` gives the Shop", "called __enter__", "the Shop", got)
