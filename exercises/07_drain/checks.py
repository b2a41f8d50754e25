"""Checks of the exercise `drain`: a server that stops, and cuts off nobody who can end in time.

A desk of the check writes the reports, piece by piece, and each piece waits until the check lets it
go. So a request is in flight for as long as its check wants, and who waits for whom is seen in the
order in which things happen.
"""

import asyncio
import contextlib
import time

import h11

from labsupport.checking import Coroutine, Exercise, StandIn, assert_equal, assert_that, fail
from labsupport.checking.asserts import Mismatch, having, patience

exercise = Exercise(
    "drain",
    title="drain: stop, and cut off nobody",
    lesson="07",
    minutes=75,
    kind="stretch",
    entry="async def serve(host, port, stop, desk, grace)",
)

land = Exercise(
    "drain.land",
    title="drain, the step: wait, but not for ever",
    lesson="07",
    minutes=5,
    kind="stretch",
    entry="async def land(flights, seconds) -> int",
)

LONG = 60  # seconds of grace that no check waits for
SHORT = 1  # seconds of grace that one check waits for
PROMPT = 8.0  # seconds in which serve returns when nobody is in flight
WAIT = 4.0  # seconds for something that happens at once
LOOK = 4.0  # seconds to see the listener close
LARGE = 12 * 1024 * 1024  # bytes: more than the buffers on the way


async def come(event, said, expected):
    """Wait for an event in the check."""
    try:
        async with asyncio.timeout(WAIT * patience.get()):
            await event.wait()
    except TimeoutError:
        raise Mismatch(
            said, expected=expected, got=f"nothing for {WAIT:g} s", waited=True
        ) from None


# ---- the step ----


class Flight(Coroutine):
    """Something in flight. error: what it raises at its end. slow: it takes its time to clean up
    when it is cancelled."""

    def __init__(self, error=None, slow=False):
        self.error = error
        self.slow = slow
        self.gate = asyncio.Event()
        self.begun = asyncio.Event()
        self.told = asyncio.Event()
        self.alone = False  # whether the call had ended before it was cancelled, or had ended

    async def run(self):
        self.begun.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.told.set()
            if self.slow:
                await self.gate.wait()
            raise
        if self.error is not None:
            raise self.error

    def cancelled(self, left):
        self.alone |= left

    def over(self, left):
        self.alone |= left


@land.check(
    "waits for those that end",
    points=1,
    misconception="stop-ends-what-is-in-flight",
    hints=[
        "One of them raises. Who waits for the others then?",
        "Make a task of each, and wait for all of them: asyncio.wait does not mind what they "
        "raise. For no task at all it raises itself.",
        "tasks = [asyncio.create_task(each) for each in flights], then, if there are any: "
        "await asyncio.wait(tasks, timeout=seconds).",
    ],
    deadline=20.0,
)
async def waits_for_those_that_end(answer, draw, variant):
    assert_equal(await answer.call("land", [], LONG), 0, "nothing in flight has landed", "")
    flights = [Flight(), Flight(OSError("lost")), Flight()]
    did = f"called land with three coroutines and {LONG:g} seconds; the second one raises"
    async with answer.running("land", flights, LONG) as call:
        with having(did):
            for each in flights:
                await come(each.begun, "all of them fly at the same time", "each one begins")
            for each in (flights[1], flights[0]):
                each.gate.set()
                await call.wait(0.1)
                assert_that(
                    not call.done(),
                    said="land waits for all of them",
                    expected="it returns when the last one has ended",
                    got="it has returned or raised before",
                )
            flights[2].gate.set()
        said = "nobody was cut, and what one of them raises is no affair of land"
        assert_equal(await call.result(), 0, said, did)


@land.check(
    "cuts those that do not",
    points=1,
    misconception="stop-ends-what-is-in-flight",
    hints=[
        "The seconds are over. Who tells those that still fly, and who waits until they have "
        "cleaned up?",
        "Cancel each task that is pending, and wait for its end: it may have something to close.",
        "for each in pending: each.cancel(), then await asyncio.gather(*pending, "
        "return_exceptions=True).",
    ],
    deadline=20.0,
)
async def cuts_those_that_do_not(answer, draw, variant):
    flights = [Flight(), Flight(slow=True), Flight()]
    did = "called land with three coroutines and 0.3 seconds; one of them ends"
    async with answer.running("land", flights, 0.3) as call:
        with having(did):
            await come(flights[0].begun, "all of them fly at the same time", "each one begins")
            flights[0].gate.set()
            for each in flights[1:]:
                await come(each.told, "who has not ended in time is cancelled", "CancelledError")
            await call.wait(0.1)
            assert_that(
                not call.done(),
                said="land waits for those that it has cancelled: they clean up",
                expected="it returns when the last one has ended",
                got="it has returned or raised before",
            )
            flights[1].gate.set()
        assert_equal(await call.result(), 2, "land returns how many it has cut", did)
        assert_that(
            not any(each.alone for each in flights),
            said="land itself cancels those that are left, and waits for their end",
            expected="all have ended when it returns",
            got="one of them was cancelled, or has ended, when it had returned",
            did=did,
        )


# ---- the build ----


class Piece(Coroutine):
    """A piece of a report, which waits for its gate."""

    def __init__(self, content):
        self.content = content
        self.gate = asyncio.Event()

    async def run(self):
        await self.gate.wait()
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


class Desk(StandIn):
    """Writes reports, piece by piece, for the names that its check has told it.

    asked: what it was asked for, in order.
    """

    exposed = ("piece",)

    def __init__(self):
        self.reports = {}
        self.asked = []
        self.noted = asyncio.Event()

    def __repr__(self):
        return "desk"

    def writes(self, name, *contents, open_until=0):
        """It has this report; the gates of the first pieces are open."""
        self.reports[name] = [Piece(each) for each in (*contents, None)]
        for piece in self.reports[name][:open_until]:
            piece.gate.set()

    def open(self, name):
        """Let all pieces of a report go."""
        for piece in self.reports[name]:
            piece.gate.set()

    def piece(self, name, number):
        self.asked.append((name, number))
        self.noted.set()
        if not 0 <= number < len(self.reports.get(name, [])):
            raise LookupError(f"{name} has no piece {number}")
        return self.reports[name][number]

    async def is_asked(self, name, number):
        """Wait until the answer wants that piece."""
        while (name, number) not in self.asked:
            self.noted.clear()
            said = f"a request for /report/{name} asks the desk, piece by piece"
            await come(self.noted, said, f"desk.piece({name!r}, {number})")


class Asked:
    """A request, and what has come of its response so far."""

    def __init__(self, conn, name):
        self.conn = conn
        self.name = name
        self.client = h11.Connection(h11.CLIENT)
        self.head = None
        self.body = bytearray()
        self.whole = False

    async def send(self):
        host, port = self.conn.remote
        head = h11.Request(
            method="GET", target=f"/report/{self.name}", headers=[("Host", f"{host}:{port}")]
        )
        await self.conn.send(self.client.send(head) + self.client.send(h11.EndOfMessage()))

    async def until(self, size):
        """Read until so many bytes of the body are there."""
        while len(self.body) < size:
            await self._more(f"{size - len(self.body):,} more bytes of the report")

    async def end(self):
        """Read the whole response."""
        while not self.whole:
            await self._more("the rest of the response" if self.head else "a response")

    async def cut(self):
        """Read to the end of the connection, wherever the response is then."""
        with contextlib.suppress(Mismatch):  # what else comes is looked at by the check
            await self.end()

    async def _more(self, wanted):
        data = await self.conn.recv(timeout=WAIT, said=f"{wanted} has to come")
        if not data:
            fail(
                f"the connection ends before the response for {self.name} does",
                expected=wanted,
                got=f"{len(self.body):,} bytes of the report, and then the end of the stream",
            )
        try:
            self.client.receive_data(data)
            while (event := self.client.next_event()) is not h11.NEED_DATA:
                if isinstance(event, h11.Response):
                    self.head = event
                elif isinstance(event, h11.Data):
                    self.body += event.data
                else:
                    self.whole = isinstance(event, h11.EndOfMessage)
                    break
        except h11.RemoteProtocolError as error:
            fail("what comes is no HTTP response", expected=wanted, got=str(error))

    @property
    def says_close(self):
        """Whether its fields say that the connection will be closed."""
        values = [value.lower() for name, value in self.head.headers if name == b"connection"]
        return b"close" in b",".join(values)


async def flies(peer, desk, name, number=0):
    """A request that is in flight: the desk is asked for that piece."""
    asked = Asked(await peer.connect(), name)
    await asked.send()
    await desk.is_asked(name, number)
    return asked


async def is_closed(answer, peer):
    """Whether the listener is closed, soon."""
    until = time.monotonic() + LOOK * patience.get()
    while answer.listens(peer.port) and time.monotonic() < until:
        await asyncio.sleep(0.01)
    return not answer.listens(peer.port)


def goes_on(stopping, while_what):
    """serve has to run still, and nothing may be wrong with it."""
    if stopping.done():
        stopping.result()
        fail(
            f"`serve` returned while {while_what}",
            expected="it waits, until its grace is over",
            got="it has returned",
        )


@exercise.check(
    "what is in flight ends",
    points=2,
    misconception="stop-ends-what-is-in-flight",
    hints=[
        "stop is set while a handler waits for its desk. What does your serve wait for?",
        "Keep the tasks of the handlers that have begun, and wait for them between server.stop() "
        "and close_all_connections().",
        "In prepare: flights.add(task := asyncio.current_task()), and "
        "task.add_done_callback(flights.discard). In serve: if flights: await "
        "asyncio.wait(flights, timeout=grace).",
    ],
    deadline=30.0,
)
async def what_is_in_flight_ends(answer, draw, variant):
    desk = Desk()
    early, late, last = draw.bytes(100), draw.bytes(3000), draw.bytes(10)
    desk.writes("begun", early, late, open_until=1)
    desk.writes("waiting", late)
    desk.writes("long", early, early, b"", late, last, open_until=2)
    did = "began three requests, of which two have had pieces, and set stop"
    async with answer.serving("serve", desk, LONG) as peer:
        begun = await flies(peer, desk, "begun", 1)
        await begun.until(len(early))
        long = await flies(peer, desk, "long", 2)
        await long.until(2 * len(early))
        waiting = await flies(peer, desk, "waiting")
        stopping = asyncio.create_task(peer.stop(within=LONG / 2, did=did))
        with having(did):
            await is_closed(answer, peer)
            goes_on(stopping, "three requests were in flight")
            for asked, body in (
                (waiting, late),
                (begun, early + late),
                (long, early + early + late + last),
            ):
                desk.open(asked.name)
                await asked.end()
                assert_equal(asked.head.status_code, 200, "a request in flight is answered", did)
                assert_equal(bytes(asked.body), body, "a report in flight comes whole", did)
                if asked is not long:
                    goes_on(stopping, "a request was in flight")
        await stopping


@exercise.check(
    "newcomers are refused",
    points=1,
    hints=[
        "Somebody connects while you wait for a report. What does he wait for?",
        "First end the listening, then wait for what is in flight.",
        "await stop.wait(), then server.stop(), and only then the wait.",
    ],
    deadline=30.0,
)
async def newcomers_are_refused(answer, draw, variant):
    desk = Desk()
    desk.writes("ann", b"a piece")
    did = "set stop while a request was in flight, and looked at the port"
    async with answer.serving("serve", desk, LONG) as peer:
        asked = await flies(peer, desk, "ann")
        stopping = asyncio.create_task(peer.stop(within=LONG / 2, did=did))
        if not await is_closed(answer, peer):
            raise Mismatch(
                "nobody can connect any more once stop is set",
                did=did,
                expected="the listener is closed at once",
                got=f"it still listened after {LOOK:g} s",
                waited=True,
            )
        desk.open("ann")
        await asked.cut()
        await stopping


@exercise.check(
    "who asks during the drain is told",
    points=2,
    misconception="stop-ends-what-is-in-flight",
    hints=[
        "A client has kept its connection, and asks once more after stop. Who answers it?",
        "Ask in prepare whether stop is set. Then the answer is 503 with Connection: close, the "
        "desk is not asked, and the connection ends behind it.",
        'self.set_status(503); self.set_header("Connection", "close"); await self.finish(); then '
        "await self.request.server_connection.close(): the field alone closes nothing.",
    ],
    deadline=30.0,
)
async def who_asks_during_the_drain_is_told(answer, draw, variant):
    desk = Desk()
    desk.writes("ann", b"a piece")
    desk.writes("bob", b"another", open_until=2)
    desk.writes("eve", b"no piece", open_until=2)
    did = "set stop while a request was in flight, and asked on another connection"
    async with answer.serving("serve", desk, LONG) as peer:
        busy = await flies(peer, desk, "ann")
        silent, kept = await peer.connect(), await peer.connect()
        first = Asked(kept, "bob")  # who has connected before it has been accepted
        await first.send()
        await first.end()
        stopping = asyncio.create_task(peer.stop(within=LONG / 2, did=did))
        await is_closed(answer, peer)
        for conn in (kept, silent):
            with having(did):
                asked = Asked(conn, "eve")
                await asked.send()
                await asked.end()
                said = "who asks after stop is told that it goes elsewhere"
                assert_equal(asked.head.status_code, 503, said, did)
                assert_that(
                    asked.says_close,
                    said="a refusal says that the connection ends",
                    expected="Connection: close",
                    got="a response without it",
                )
                said = "behind a refusal the connection ends, whoever else is in flight"
                await conn.recv_until_eof(said=said)
        assert_that(
            not [each for each in desk.asked if each[0] == "eve"],
            said="the desk writes no report for who is refused",
            expected="no call",
            got=f"desk.piece('eve', {[n for name, n in desk.asked if name == 'eve']})",
            did=did,
        )
        goes_on(stopping, "a request was in flight")
        desk.open("ann")
        await busy.cut()
        await stopping


@exercise.check(
    "who has been answered is let go",
    points=1,
    misconception="stop-ends-what-is-in-flight",
    hints=[
        "A request in flight has had its response during the drain. What does its client expect "
        "of the connection?",
        "A response whose fields go out after stop says Connection: close; and behind each "
        "response the connection ends, also if the fields went out before.",
        "await self.finish(), then, if stop is set: await self.request.server_connection.close().",
    ],
    deadline=30.0,
)
async def who_has_been_answered_is_let_go(answer, draw, variant):
    desk = Desk()
    desk.writes("ann", b"a piece")
    desk.writes("begun", b"first, ", b"second", open_until=1)
    desk.writes("waiting", b"a report")
    did = "set stop while three requests were in flight, and let two of them end"
    async with answer.serving("serve", desk, LONG) as peer:
        busy = await flies(peer, desk, "ann")
        begun = await flies(peer, desk, "begun", 1)
        await begun.until(7)
        waiting = await flies(peer, desk, "waiting")
        stopping = asyncio.create_task(peer.stop(within=LONG / 2, did=did))
        await is_closed(answer, peer)
        with having(did):
            for asked in (begun, waiting):
                desk.open(asked.name)
                await asked.end()
                said = "behind its last response a connection ends, whoever else is in flight"
                await asked.conn.recv_until_eof(said=said)
            assert_that(
                waiting.says_close,
                said="a response whose fields go out after stop says that the connection ends",
                expected="Connection: close",
                got="a response without it",
            )
        desk.open("ann")
        await busy.cut()
        await stopping


@exercise.check(
    "the grace has an end",
    points=2,
    misconception="stop-ends-what-is-in-flight",
    hints=[
        "One report never ends. What does your serve do when the grace is over, and its handler?",
        "Close the connections, cancel the handlers that are left, and wait for their end, in this "
        "order: a handler that is cancelled before would end its body as if it were whole.",
        "late = set(flights); await server.close_all_connections(); each.cancel() for each in "
        "late; await asyncio.gather(*late, return_exceptions=True).",
    ],
    deadline=30.0,
)
async def the_grace_has_an_end(answer, draw, variant):
    desk = Desk()
    desk.writes("begun", b"first, ", b"second", open_until=1)
    desk.writes("waiting", b"a report")
    did = f"set stop while two requests were in flight that do not end; the grace is {SHORT:g} s"
    async with answer.serving("serve", desk, SHORT) as peer:
        begun = await flies(peer, desk, "begun", 1)
        await begun.until(7)
        waiting = await flies(peer, desk, "waiting")
        await peer.stop(within=SHORT + WAIT, did=did)
        for asked in (begun, waiting):
            await asked.cut()
        assert_that(
            not begun.whole,
            said="who is cut off sees that its report is not whole",
            expected="the connection ends without the last chunk",
            got=f"a response that ends as if it were whole, with the body {bytes(begun.body)!r}",
            did=did,
        )
        assert_that(
            not waiting.whole or waiting.head.status_code >= 500,
            said="who is cut off gets no report",
            expected="the end of the connection, or an error of the server",
            got=f"a whole response: {waiting.head!r}",
            did=did,
        )


@exercise.check(
    "nobody in flight, nobody to wait for",
    points=1,
    hints=[
        "Who is connected, and who is in flight? Whom does your serve wait for?",
        "A request whose handler has raised is not in flight any more, and a connection without a "
        "request never was. Without flights the grace is over at once.",
        "A task that has ended calls its callback, however it has ended: "
        "task.add_done_callback(flights.discard). asyncio.wait refuses an empty set: ask first.",
    ],
    deadline=30.0,
)
async def nobody_in_flight_nobody_to_wait_for(answer, draw, variant):
    desk = Desk()
    desk.writes("bob", b"a piece", open_until=2)
    desk.writes("error", OSError("the desk is empty"), open_until=1)
    did = (
        "connected, sent half of a request, had another one answered, let the desk raise for a "
        f"third, kept all connections, and set stop; the grace is {LONG:g} s"
    )
    async with answer.serving("serve", desk, LONG) as peer:
        silent, half = await peer.connect(), await peer.connect()
        await half.send(b"GET /report/bob HTTP/1.1\r\nHost: x\r\n")
        for name in ("bob", "error"):  # whoever has connected before has been accepted
            asked = await flies(peer, desk, name)
            await asked.end()
        await peer.stop(within=PROMPT, did=did)
        said = "the connections of all clients end"
        for conn in (asked.conn, silent):
            await conn.recv_until_eof(said=said)


@exercise.check(
    "the last byte is in flight, too",
    points=2,
    misconception="write-sends-at-once",
    hints=[
        "All pieces are written, and the client has not read yet. Where are they?",
        "A request is in flight until its last byte has gone to the operating system.",
        "await self.flush() for each piece, and await self.finish() at the end, in the task that "
        "counts as in flight.",
    ],
    deadline=40.0,
)
async def the_last_byte_is_in_flight_too(answer, draw, variant):
    desk = Desk()
    body = draw.bytes(1024) * (LARGE // 1024)
    desk.writes("large", body, open_until=2)
    desk.writes("bob", b"a piece", open_until=2)
    did = f"asked for a report of {LARGE:,} bytes, read nothing, set stop, and read then"
    async with answer.serving("serve", desk, LONG) as peer:
        asked = await flies(peer, desk, "large")
        await asked.until(1)
        # When another one has been answered, a handler that does not wait for its reader has ended.
        other = await flies(peer, desk, "bob")
        await other.end()
        assert_that(
            ("large", 1) not in desk.asked,
            said="each piece is sent before the next one is asked for",
            expected=f"desk.piece('large', 0) alone: its client has not read {LARGE:,} bytes",
            got="desk.piece('large', 1), too",
            did=did,
        )
        stopping = asyncio.create_task(peer.stop(within=LONG / 2, did=did))
        await is_closed(answer, peer)
        with having(did):
            goes_on(stopping, "a client had not read its report")
            await asked.end()
            assert_equal(len(asked.body), LARGE, "a client that reads late gets all of it", did)
            assert_that(bytes(asked.body) == body, "a report comes as the desk has written it")
        await stopping
