"""Checks of the exercise `report`: a handler that blocks, for many clients at once.

The reports are the checks' own: a stand-in sees when each is begun, and decides when it ends and
how. So who waits for whom is seen by order: nothing is measured with a clock.
"""

import asyncio
import contextlib
import json
from urllib.parse import quote

import h11

from labsupport.checking import (
    Exercise,
    Mismatch,
    StandIn,
    assert_bytes,
    assert_equal,
    assert_that,
    fail,
)
from labsupport.checking.asserts import apart, having, patience
from labsupport.checking.chat import people
from labsupport.checking.showing import count
from labsupport.checking.web import request, response
from labsupport.clock import Deadline

exercise = Exercise(
    "report",
    title="report: a handler that blocks",
    lesson="07",
    minutes=60,
    kind="core",
    entry="async def serve(host, port, stop, reports, most)",
)

place = Exercise(
    "report.place",
    title="report, the step: where does it belong?",
    lesson="07",
    minutes=5,
    kind="core",
    entry="place(seconds, computed) -> str",
)

MANY = 40  # more than the loop's own pool has threads on any machine
GENEROUS = 3.0  # seconds that an answer may be late, however busy the machine is
UNTIL_THE_END = 60.0  # seconds: a response is waited for as long as the check holds its report
PROBLEM = "application/problem+json"
MOST_ROOMS = 20  # that /reports asks for
TURNS = 3  # requests that are answered one after the other, until what came before has begun

AT_ONCE = (
    "How many reports are being made, and which of your lines decides it?",
    "A pool of its own with `most` threads lets so many run, and the others wait their turn.",
    "pool = ThreadPoolExecutor(most) in serve, and await loop.run_in_executor(pool, ...) in get.",
)
STOPPED = (
    "serve has returned. Which of the things that it made goes on?",
    "The listener, the connections and the pool have an end each: stop, close_all_connections, "
    "shutdown.",
)


class Call:
    """One call of make: a report that is being made until the check opens its gate."""

    def __init__(self, room):
        self.room = room
        self.gate = asyncio.Event()
        self.ended = False


class Reports(StandIn):
    """What makes the reports. most: how many may be made at once. held: each waits for its gate.

    strict: when more are made, the check fails.
    """

    exposed = ("make",)

    def __init__(self, most, held=True, strict=False):
        self.most = most
        self.held = held
        self.strict = strict
        self.unwanted = set()  # rooms for whose reports nobody waits any more
        self.errors = {}  # room -> what make raises for it
        self.calls = []  # in the order in which they were begun
        self.changed = asyncio.Event()
        self.did = ""

    def __repr__(self):
        return "reports"

    async def make(self, room):
        call = Call(room)
        self.calls.append(call)
        self.changed.set()
        assert_that(
            room not in self.unwanted,
            said="a report is not begun for a client that has left",
            expected="no call of make for it",
            got=f"make({room!r}) was called",
            did=self.did,
        )
        if self.strict and len(self.running()) > self.most:
            raise Mismatch(
                "no more reports are made at once than permitted",
                did=self.did,
                expected=f"at most {self.most} calls of make at once",
                got=f"{len(self.running())} of them",
            )
        if self.held:
            await call.gate.wait()
        call.ended = True
        self.changed.set()
        if room in self.errors:
            raise self.errors[room]
        return text_of(room)

    def release(self):
        """Let all end that are being made, and all that will be."""
        self.held = False
        for call in self.calls:
            call.gate.set()

    def running(self):
        """The calls that have begun and not ended."""
        return [call for call in self.calls if not call.ended]

    def begun(self, room):
        """The call for this room; None before it has begun."""
        return next((call for call in self.calls if call.room == room), None)

    async def until(self, holds, said, expected):
        """Wait until it holds."""
        until = Deadline(GENEROUS * patience.get())
        while not holds():
            self.changed.clear()
            try:
                async with asyncio.timeout(until.left()):
                    await self.changed.wait()
            except TimeoutError:
                number = len(self.running())  # whose comes first is up to the system
                raise Mismatch(
                    said,
                    did=self.did,
                    expected=f"{expected}, within {GENEROUS:g} s",
                    got=f"{count(number, 'report')} being made",
                    waited=True,
                ) from None

    async def run(self, number, said):
        """Wait until that many are being made."""
        expected = f"{number} calls of make at once"
        await self.until(lambda: len(self.running()) >= number, said, expected)

    async def began(self, room, said):
        """Wait until the report of this room is being made; its call."""
        await self.until(lambda: self.begun(room), said, f"make({room!r}) is called")
        return self.begun(room)


class Clients:
    """Clients of one server, whose responses may be on their way while others ask."""

    def __init__(self, answer, peer, reports):
        self.answer = answer
        self.peer = peer
        self.reports = reports
        self.asked = []
        self.beside = None  # a connection that is kept

    async def ask(self, *rooms, path="/report/"):
        """Ask for the report of a room, or for the reports of several; the response to come.

        The request has been sent when this returns.
        """
        conn = await self.peer.connect()
        target = f"{path}{quote(rooms[0])}" if path else several(rooms)
        task = asyncio.ensure_future(self._response(await asks(conn, target), conn))
        self.asked.append(task)
        return task

    async def asks_and_leaves(self, target):
        """Send a request; the connection on which nobody will read."""
        conn = await self.peer.connect()
        await asks(conn, target)
        return conn

    async def _response(self, client, conn):
        with having(self.reports.did):
            return await response(client, conn, timeout=UNTIL_THE_END)

    async def reaches(self, path):
        """The response to a request that needs no report."""
        if self.beside is None:
            self.beside = await self.peer.connect()
        did = f"{self.reports.did}; another one asked for {path}"
        return await request(self.beside, "GET", path, did=did, timeout=GENEROUS)

    async def fine(self, said):
        """Have /health answered."""
        with having(f"{self.reports.did}; another one asked for /health"):
            got = await self.reaches("/health")
            assert_equal((got.status, got.body), (200, b"fine\n"), said)

    async def all_in(self):
        """Wait until all requests that have been sent are with their handlers.

        Requests are read in the order in which they come, so they come before these.
        """
        with apart(*AT_ONCE):
            for _ in range(TURNS):
                await self.reaches("/nowhere")

    async def answered(self, asked, said):
        """The response to a request."""
        done, _ = await asyncio.wait({asked}, timeout=GENEROUS * patience.get())
        if not done:
            raise Mismatch(
                said,
                did=self.reports.did,
                expected=f"a response, within {GENEROUS:g} s",
                got="none",
                waited=True,
            )
        return asked.result()

    async def has(self, asked, room, said):
        """The response to a request has to be this room's report."""
        got = await self.answered(asked, said)
        shown = f"status {got.status}, {got.body[:100]!r}"
        wanted = text_of(room).encode()
        right = got.status == 200 and got.body == wanted
        assert_that(right, said, f"status 200, {wanted!r}", shown, self.reports.did)
        is_text(got.field("content-type") or "", self.reports.did)

    async def gone(self, conn):
        """Leave, and wait until the server knows it, and has had a turn."""
        port = conn.local[1]
        conn.close()
        until = Deadline(GENEROUS * patience.get())
        while any(each.remote and each.remote[1] == port for each in self.answer.open_sockets()):
            if until.expired:
                raise Mismatch(
                    "a connection that its client has closed is closed",
                    did=self.reports.did,
                    got=f"it is still open after {GENEROUS:g} s",
                    waited=True,
                )
            await asyncio.sleep(0.01)
        await self.all_in()


async def asks(conn, target):
    """Send a request; what reads its response."""
    client = h11.Connection(h11.CLIENT)
    head = h11.Request(method="GET", target=target, headers=[("Host", "x")])
    await conn.send(client.send(head) + client.send(h11.EndOfMessage()))
    return client


def is_text(kind, did):
    """The Content-Type of a response with reports has to be that of a text."""
    right = kind.lower().replace(" ", "").replace('"', "") == "text/plain;charset=utf-8"
    assert_that(right, "a report is text in UTF-8", "text/plain; charset=UTF-8", kind, did)


def text_of(room):
    """The report of a room."""
    return f"{room}: 21.5 °C\n"


def several(rooms):
    """Where the reports of several rooms are in one response."""
    return "/reports?" + "&".join(f"room={quote(room)}" for room in rooms)


@contextlib.asynccontextmanager
async def serving(answer, reports, did):
    """A running service, and its clients. How it ends is apart from the subject of a check."""
    reports.did = did
    left = False
    clients = None
    try:
        async with answer.serving("serve", reports, reports.most) as peer:
            clients = Clients(answer, peer, reports)
            yield clients
            left = True
    except Mismatch as mismatch:
        if left:
            mismatch.hints = STOPPED
        raise
    finally:
        if clients is not None:
            for task in clients.asked:
                task.cancel()
            await asyncio.gather(*clients.asked, return_exceptions=True)


class Pieces:
    """A response that is read as it comes."""

    def __init__(self, client, conn, did):
        self.client = client
        self.conn = conn
        self.did = did
        self.body = b""
        self.over = False

    async def has(self, wanted, said, *, end=False):
        """Read until the body is this. end: and until it has ended."""
        with having(self.did):
            while self.body != wanted or end > self.over:
                right = wanted.startswith(self.body) and not self.over
                assert_that(right, said, show_end(wanted, end), show_end(self.body, self.over))
                await self._more(said)

    async def _more(self, said):
        try:
            event = self.client.next_event()
        except h11.RemoteProtocolError as error:
            fail(said, got=f"no HTTP response: {error}")
        if event is h11.NEED_DATA:
            self.client.receive_data(await self.conn.recv(said=said, timeout=GENEROUS))
        elif isinstance(event, h11.Response):
            assert_equal(event.status_code, 200, said)
            is_text(dict(event.headers).get(b"content-type", b"").decode("latin-1"), self.did)
        elif isinstance(event, h11.Data):
            self.body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            self.over = True
        else:
            fail(said, got="the end of the stream")


def show_end(body, over):
    """A body, and whether it has ended."""
    return f"{body!r}{', and the end of the body' if over else ''}"


# ---- the step ----


@place.check(
    "what waits goes to a thread",
    points=1,
    hints=[
        "A report has taken 0.4 s, and has computed for 0.01 s. What did it do for the rest?",
        "It has waited. While a thread waits, others compute: the loop, too.",
        'if computed < seconds / 2: return "thread"; what is below 0.001 s stays on the loop.',
    ],
    deadline=10.0,
)
async def what_waits_goes_to_a_thread(answer, draw, variant):
    for seconds, computed, wanted in (
        (0.4, 0.001, "thread"),
        (0.0009, 0.0009, "loop"),
        (0.0009, 0.0, "loop"),
        (0.001, 0.0, "thread"),
        (2.0, 0.99, "thread"),
        (draw.integer(1, 50) / 10, draw.integer(1, 40) / 1000, "thread"),
    ):
        got = await answer.call("place", seconds, computed)
        said = "what takes no time stays on the loop, and what waits goes to a thread"
        assert_equal(got, wanted, said, f"called place({seconds}, {computed})")


@place.check(
    "what computes goes to a process",
    points=1,
    misconception="to-thread-computes-in-parallel",
    hints=[
        "A report computes for 2 s of its 2.1 s. Who else in the process computes meanwhile?",
        "One thread of a process runs Python at a time, so another thread is no other core.",
        'At half of the time and above: return "process".',
    ],
    deadline=10.0,
)
async def what_computes_goes_to_a_process(answer, draw, variant):
    long = draw.integer(1, 50)
    for seconds, computed in (
        (2.1, 2.0),
        (0.4, 0.4),
        (0.001, 0.001),
        (2.0, 1.0),
        (float(long), long * 0.75),
    ):
        got = await answer.call("place", seconds, computed)
        said = "what computes for half of its time or more goes to a process"
        assert_equal(got, "process", said, f"called place({seconds}, {computed})")


# ---- the build ----


@exercise.check(
    "reports are made at the same time",
    points=2,
    misconception="each-request-has-a-thread",
    hints=[
        "Four clients ask, and make is called once. Where does your program stand meanwhile?",
        "All handlers run in one thread. make has to be called in another one, and awaited.",
        "async def get(self, room): await asyncio.get_running_loop().run_in_executor(pool, "
        "self.reports.make, room).",
    ],
    deadline=20.0,
)
async def reports_are_made_at_the_same_time(answer, draw, variant):
    reports = Reports(most=4)
    rooms = [*people(draw, 3), draw.text(6)]
    did = f"let four clients ask for a report each, where {reports.most} may be made at once"
    async with serving(answer, reports, did) as clients:
        asked = {room: await clients.ask(room) for room in rooms}
        await reports.run(len(rooms), "as many reports are made at once as permitted")
        with apart(
            "Compare the name that make was given with the one that the client asked for.",
            "Tornado decodes the parts of a path, and hands them to get as text.",
        ):
            said = "make is called once for each request, with the name of its room"
            assert_equal(sorted(call.room for call in reports.calls), sorted(rooms), said, did)
        for room in reversed(rooms):
            reports.begun(room).gate.set()
            said = "each client has its report as soon as it is made"
            await clients.has(asked[room], room, said)


@exercise.check(
    "health is answered meanwhile",
    points=2,
    misconception="each-request-has-a-thread",
    hints=[
        "A report is being made, and /health has to wait. For whom, or for what?",
        "For the loop's thread if something blocks it; or for a place that only reports need.",
        "Health answers in its handler. Limit the calls of make, and not the requests.",
    ],
    deadline=20.0,
)
async def health_is_answered_meanwhile(answer, draw, variant):
    said = "/health is answered, whatever reports are being made or waited for"
    for path, what in (("/report/", "the report of a room"), ("", "the reports of two rooms")):
        one, two, *others = people(draw, 6)
        reports = Reports(most=1)
        did = f"let a client ask for {what}"
        async with serving(answer, reports, did) as clients:
            rooms = [one] if path else [one, two]
            asked = [await clients.ask(*rooms, path=path)]
            await reports.began(one, "a report is asked for, and made")
            await clients.fine(said)
            reports.did = f"let a client ask for {what}, and others for more"
            asked += [await clients.ask(room) for room in others]
            for _ in range(TURNS):
                await clients.fine(said)
            reports.release()
            for each in asked:
                await clients.answered(each, "whoever waits for a report has it in the end")


@exercise.check(
    "as many at once as permitted, and no more",
    points=2,
    hints=[
        "Which pool do your calls run in, and how many threads has it?",
        "The loop's own pool, that of to_thread, is for everybody, and has a size of its own.",
        "One ThreadPoolExecutor(most), made in serve and handed to all handlers that call make.",
    ],
    deadline=30.0,
)
async def as_many_at_once_as_permitted_and_no_more(answer, draw, variant):
    reports = Reports(most=MANY, strict=True)
    did = f"let {MANY + 5} clients ask at once, where {MANY} reports may be made at once"
    async with serving(answer, reports, did) as clients:
        asked = [await clients.ask(f"room{number}") for number in range(MANY + 5)]
        await reports.run(MANY, "as many reports are made at once as permitted")
        await clients.all_in()
        reports.release()
        for number, each in enumerate(asked):
            await clients.has(each, f"room{number}", "whoever has to wait has its report, too")
    for most in (1, draw.integer(2, 3)):
        await one_place_after_the_other(answer, draw, most)


async def one_place_after_the_other(answer, draw, most):
    """Reports that end one by one: one more is begun each time, and never one too many."""
    reports = Reports(most=most, strict=True)
    did = f"asked for reports in both ways, where {most} may be made at once"
    async with serving(answer, reports, did) as clients:
        rooms = people(draw, 12)
        asked = [await clients.ask(*rooms[at : at + 2], path="") for at in (0, 2, 4, 6)]
        asked += [await clients.ask(room) for room in rooms[8:]]
        await reports.run(reports.most, "as many reports are made at once as permitted")
        await clients.all_in()
        for begun in range(len(rooms)):
            said = "when a report has been made, the next one is begun"
            expected = f"{begun + 1} calls of make so far"
            await reports.until(lambda least=begun + 1: len(reports.calls) >= least, said, expected)
            await clients.all_in()
            reports.calls[begun].gate.set()
        for each in asked:
            await clients.answered(each, "whoever has to wait has its report, too")


@exercise.check(
    "who comes first is served first",
    points=1,
    hints=[
        "A place is free, and several wait. Who decides which of them has it?",
        "What waits belongs in a queue: first in, first out. A pool has one.",
        "run_in_executor of a ThreadPoolExecutor keeps the order; so does asyncio.Semaphore.",
    ],
    deadline=20.0,
)
async def who_comes_first_is_served_first(answer, draw, variant):
    reports = Reports(most=2)
    rooms = people(draw, 8)
    did = f"asked for {', '.join(rooms)}, in this order, where 2 reports may be made at once"
    async with serving(answer, reports, did) as clients:
        asked = [await clients.ask(rooms[0])]
        await reports.began(rooms[0], "a report is asked for, and made")
        for room in rooms[1:]:
            asked.append(await clients.ask(room))
            await clients.all_in()
        for at in range(len(rooms) - 2):
            said = "reports are begun in the order in which they were asked for"
            with apart(*AT_ONCE):
                await reports.run(2, "as many reports are made at once as permitted")
            begun = [call.room for call in reports.calls]
            # The two first ones begin at the same time.
            first = sorted(begun[:2], key=rooms.index)
            assert_equal(first + begun[2:], rooms[: at + 2], said, did)
            reports.calls[at].gate.set()
            await reports.until(lambda at=at: len(reports.calls) >= at + 3, said, "the next")
        for call in reports.calls:
            call.gate.set()
        for each, room in zip(asked, rooms, strict=True):
            await clients.has(each, room, "each client has its own report")


@exercise.check(
    "an error reaches its client",
    points=2,
    misconception="errors-stay-in-their-thread",
    hints=[
        "make raises in its thread. Which line of your handler raises it again?",
        "The await does. What the client can mend is caught there: LookupError, ValueError.",
        "except LookupError as error: raise HTTPError(404) from error; 422 with str(error) as its "
        "log_message for ValueError; leave the rest to Tornado, which makes it 500.",
    ],
    deadline=25.0,
)
async def an_error_reaches_its_client(answer, draw, variant):
    secret = draw.word()
    cases = (
        (LookupError(f"nobody measures in the {secret}"), 404),
        (KeyError(secret), 404),
        (ValueError(f"{draw.word()} is 100% % no %s room"), 422),
        (UnicodeError(f"{draw.word()} is no text"), 422),
        (OSError(f"no such table: {secret}"), 500),
        (RuntimeError(secret), 500),
        (TimeoutError(), 500),
    )
    reports = Reports(most=2)
    did = "let a report be made, which takes its time; let make raise for others"
    async with serving(answer, reports, did) as clients:
        held, room = people(draw, 2)
        slow = await clients.ask(held)
        await reports.began(held, "a report is asked for, and made")
        await clients.all_in()
        reports.held = False
        said = "what make raises reaches its client as a problem document"
        for error, status in cases:
            reports.errors = {room: error}
            reports.did = did = f"let make raise {error!r}, and asked for the report"
            got = await clients.answered(await clients.ask(room), said)
            assert_equal(got.status, status, said, did)
            is_problem(got, said, did)
            if status == 422:
                told = got.json().get("detail")
                assert_equal(told, str(error), "the client is told what it can mend", did)
            if status == 500:
                said = "what went wrong inside is not for the client"
                told = f"{got.reason}, {got.body.decode('utf-8', 'replace')}"
                assert_that(secret not in told, said, "no word of it", told, did)
        one, two, three = people(draw, 3)
        reports.errors = {one: OSError(secret), two: ValueError(f"no {secret}")}
        reports.did = did = f"let make raise for {one} and {two}, and asked for three reports"
        got = await clients.answered(await clients.ask(one, two, three, path=""), said)
        wanted = sorted([f"{one}: no report\n", f"{two}: no report\n", text_of(three)])
        said = "among several reports, one that fails has a line that says so"
        lines = sorted(got.body.decode("utf-8", "replace").splitlines(keepends=True))
        assert_equal((got.status, lines), (200, wanted), said, did)
        reports.errors = {}
        reports.did = f"let make raise {len(cases) + 2} times, and then asked for a report"
        said = "an error gives its place back"
        await clients.has(await clients.ask(room), room, said)
        reports.release()
        await clients.has(slow, held, "who asked before the errors has its report, too")


def is_problem(got, said, did):
    """The response has to be a problem document that says its status."""
    assert_equal(got.media_type, PROBLEM, f"{said}: its Content-Type says so", did)
    try:
        document = got.json()
    except ValueError as error:
        fail(said, did, "JSON in UTF-8", f"{got.body[:200]!r}: {error}")
    right = isinstance(document, dict) and document.get("status") == got.status
    wanted = f'an object with "status": {got.status}'
    assert_that(right, said, wanted, json.dumps(document)[:200], did)


@exercise.check(
    "each report is sent as soon as it is made",
    points=2,
    misconception="write-sends-at-once",
    hints=[
        "The first report is made, and the second one is not. Where is the first one?",
        "write collects. What sends it, and when does the end of the handler come?",
        "await self.flush() behind each write; make and send one after the other.",
    ],
    deadline=20.0,
)
async def each_report_is_sent_as_soon_as_it_is_made(answer, draw, variant):
    rooms = people(draw, 4)
    reports = Reports(most=4)
    did = f"asked for the reports of {', '.join(rooms)} in one response, and let them end in turn"
    async with serving(answer, reports, did) as clients:
        conn = await clients.peer.connect()
        pieces = Pieces(await asks(conn, several(rooms)), conn, did)
        said = "a report is sent as soon as it is made, and those before it have been sent"
        wanted = ""
        for at, room in enumerate(rooms):
            call = await reports.began(room, "the reports are made in turn, or together")
            await clients.all_in()
            # Beside the first one others may still be made; beside the next they end before it.
            for later in reversed(rooms[at + 1 :]) if at else ():
                if reports.begun(later):
                    reports.begun(later).gate.set()
                    await clients.all_in()
            call.gate.set()
            wanted += text_of(room)
            await pieces.has(wanted.encode(), said)
        await pieces.has(wanted.encode(), "behind the last report the body ends", end=True)
        rooms = [f"room{number}" for number in range(MOST_ROOMS - 1)]
        rooms.append(draw.choice(rooms))
        before = len(reports.calls)
        reports.release()
        reports.did = did = f"asked for {MOST_ROOMS} reports in one response, two of one room"
        said = "each room that is asked for has its report, also one that is asked for again"
        got = await clients.answered(await clients.ask(*rooms, path=""), said)
        wanted = "".join(text_of(room) for room in rooms)
        with apart("/reports asks for 1 to 20 rooms, and says which and how often."):
            assert_bytes(got.body, wanted.encode(), said, did)
            assert_equal(len(reports.calls) - before, len(rooms), "make is called for each", did)


@exercise.check(
    "who leaves stops nobody",
    points=2,
    misconception="clients-stay-to-the-end",
    hints=[
        "A client that waits for its report goes. Who tells your handler, and what does it do?",
        "on_connection_close: what has not been begun need not be. A thread that runs cannot be "
        "ended, and keeps its place until make returns.",
        "Keep what run_in_executor returns, and cancel it in on_connection_close; the await then "
        "raises asyncio.CancelledError in the handler.",
    ],
    deadline=25.0,
)
async def who_leaves_stops_nobody(answer, draw, variant):
    one, two, three, last, fifth, sixth, room, *left = people(draw, 11)
    reports = Reports(most=2, strict=True)
    did = f"let clients ask for {one} and {two}, and others wait, where 2 reports may be made"
    async with serving(answer, reports, did) as clients:
        leaving = await clients.asks_and_leaves(f"/report/{one}")
        with apart(*AT_ONCE):
            await reports.run(1, "a report is asked for, and made")
        asked = {two: await clients.ask(two)}
        with apart(*AT_ONCE):
            await reports.run(2, "as many reports are made at once as permitted")
        conns = [await clients.asks_and_leaves(f"/report/{room}") for room in left[:2]]
        conns.append(await clients.asks_and_leaves(several(left[2:])))
        await clients.all_in()
        for waits in (three, last):
            asked[waits] = await clients.ask(waits)
            await clients.all_in()
        reports.did = f"{did}; the client that asked for {one} left, and some that wait"
        for conn in [leaving, *conns]:
            await clients.gone(conn)
        reports.unwanted = set(left)
        said = "who waits has its report, whoever has left"
        reports.begun(one).gate.set()
        await reports.until(lambda: len(reports.calls) >= 3, said, "a third call of make")
        reports.begun(two).gate.set()
        await clients.has(asked[two], two, said)
        for other in (three, last):
            call = await reports.began(other, said)
            call.gate.set()
            await clients.has(asked[other], other, said)
        reports.did = (
            f"let others wait for {fifth} and {sixth}, to be sent in one response; they left"
        )
        kept = await clients.ask(room)
        await reports.began(room, "a report is asked for, and made")
        conn = await clients.asks_and_leaves(several([fifth, sixth]))
        await reports.began(fifth, "a report is asked for, and made")
        await clients.all_in()
        await clients.gone(conn)
        reports.unwanted.add(sixth)
        reports.begun(fifth).gate.set()
        await clients.all_in()
        reports.release()
        await clients.has(kept, room, said)
        await clients.has(await clients.ask(three), three, said)
        with apart(*STOPPED):
            await clients.peer.stop(did="set stop while a client was connected")
