"""Checks of the exercise `monitor`: a watch over several services, and a page that tells of them.

The services are peers of the check, on real sockets; the time between rounds and tries is a clock
that the check moves. So a day of rounds takes as long as its requests do.
"""

import asyncio
import contextlib
import json

import h11

from labsupport.checking import Exercise, assert_equal, assert_that
from labsupport.checking.asserts import Mismatch, apart, having, patience
from labsupport.checking.showing import count, show
from labsupport.checking.simulated import ScriptedRandom, SimulatedClock
from labsupport.checking.web import request
from labsupport.twins import BadDay

exercise = Exercise(
    "monitor",
    title="monitor: one page that says how everything is",
    lesson="09",
    minutes=90,
    kind="core",
    entry="async def serve(host, port, stop, services, policy, clock, rng)",
)

step = Exercise(
    "monitor.tried",
    title="monitor, the step: what a report means to a retry",
    lesson="09",
    minutes=4,
    kind="core",
    entry="tried(report) -> response",
)

PASSING = {
    "refused": "ConnectionRefusedError",
    "broken": "ConnectionResetError",
    "slow": "TimeoutError",
}
SOME_TIME = 1_767_225_600.0  # seconds since 1970: 1 January 2026, in UTC
EVERY = 60  # seconds between two rounds
ROUND = 10.0  # seconds for a round: slow services, asked twice, on a slow machine
WAIT = 5.0  # seconds for something that happens at once
MOMENT = 0.3  # seconds in which something has not to happen
PROMPT = 5.0  # seconds in which serve returns
LONG_NAME = 1_500_000  # characters: some documents of it fill what the system keeps for a reader
FEW_ROUNDS, MANY_ROUNDS = 3, 16  # as many documents as the latter are more than it keeps
BOOK = 8_000_000  # characters: three documents of it are more than it keeps
SETTLINGS = 40  # sleeps in a round, after which it is taken for one without end

# A policy under which nothing is tried again, and nothing is slow. Numbers for the dice are 0: a
# wait between two tries takes no time.
CALM = {
    "every": EVERY, "at_once": 10, "tries": 1, "timeout": 100, "deadline": 1000, "base": 1,
    "cap": 8, "calls": 1, "most": 100,
}  # fmt: skip
OK = b'{"status": "ok"}'
NO_URLS = ("http://[::1/health", "http://127.0.0.1:99999/", "health")
TRIED = (
    "Which verdicts say that no whole answer came?",
    "Three verdicts are errors that may pass by themselves: refused, broken, slow. Each of the "
    "others is returned as a response.",
    'if report["verdict"] == "slow": raise TimeoutError(report["why"]); and at the end: return '
    '{"status": report["status"], "headers": {}}.',
)
ONCE_MORE = (
    "A service answers 503 once, and is well a second later. Whom does your page wake up?",
    "A probe is one retry.call, and each of its tries one checker.check.",
    'In send: report.update(await checker.check(request["target"], timeout)); then raise or return '
    "as in the step.",
)
FORM = (
    "Read /status and /events with a client of your own: what do the fields say, and the body?",
    "Both have the document of the task in JSON: /status as application/json, /events as "
    "text/event-stream, where each document is one line `data: {...}`, and an empty line is behind "
    "it. The first one comes at once, and one more behind each round.",
    'self.set_header("Content-Type", "application/json"); self.write(json.dumps(document)).',
)
TIMEOUT = (
    "A service says nothing at all. Who knows how long a try may wait for it?",
    "retry.call does: it hands its send a timeout, the policy's, or less near the deadline.",
    'async def send(request, timeout): report.update(await checker.check(request["target"], '
    "timeout)); ...",
)
COUNTED = (
    "How many rounds have ended while the monitor sleeps for the first time?",
    "Behind a round comes its document, with the next number, and behind that the sleep.",
)
SERVES = (
    "When can somebody open your page for the first time, and how long?",
    "serve listens at once, and returns when stop is set. The rounds are a task beside that.",
    "Application([...]).listen(port, host); asyncio.create_task(watch(...)); await stop.wait().",
)
SINCE = (
    "A service is down for three rounds, each time in another way. Since when, and why?",
    "`since` changes with the state alone, and is the time at which that round has ended. Verdict "
    "and why are those of each round.",
    'if state != entry["state"]: entry.update(state=state, since=now), with clock.now() behind the '
    "round.",
)
ROUNDS = (
    "What ends a round, what does your monitor do then, and by which clock?",
    "Each service is asked until it has answered or has had its tries, each of policy['timeout'] "
    "at most. Then the document is put, and one clock.sleep(policy['every']) follows.",
    'while True: reports = await ...; board.put(...); await clock.sleep(policy["every"]).',
)
GOES_ON = "the monitor sleeps when a round has ended, and not while it goes on"


def message(status=200, body=OK, kind="application/json"):
    """A response, behind which the connection ends."""
    lines = [f"HTTP/1.1 {status} Told", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


WELL = message()
BUSY = message(503, b"")
MISSING = message(404, b"")
LIE = message(200, b'{"status": "down"}')
RESET = b"RST"  # what a service does in the place of sending anything
SILENCE = b""
NO_DATA = (":", "id:", "event:", "retry:")  # lines of a stream that tell nothing by themselves


class Service:
    """A service of the check: it answers with its replies in turn, then with the last one again.

    gate: replies wait until it is open. crowd: a list, which services may share, of those that have
    a request now. asked: how many requests came. left: how many connections have ended. change: an
    event, which services may share, that is set when any of this has changed.
    """

    def __init__(self, *replies, gate=None, crowd=None, change=None):
        self.replies = list(replies) or [WELL]
        self.gate = gate
        self.crowd = [] if crowd is None else crowd
        self.asked = 0
        self.left = 0
        self.change = change or asyncio.Event()
        self.address = None

    async def script(self, conn, number):
        try:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                if not (piece := await conn.recv(timeout=ROUND)):
                    return
                head += piece
            self.asked += 1
            self.crowd.append(self)
            self.change.set()
            try:
                if self.gate is not None:
                    await self.gate.wait()
                reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
                if reply is RESET:
                    conn.reset()
                elif reply is SILENCE:
                    await conn.recv(timeout=ROUND)
                else:
                    await conn.send(reply)
            finally:
                self.crowd.remove(self)
        except Mismatch as mismatch:  # who is cancelled may leave with a reset
            if mismatch.waited:
                raise
        finally:
            self.left += 1
            self.change.set()

    async def until(self, condition, said, expected):
        """Wait until something is so, of which this service notices."""
        try:
            async with asyncio.timeout(WAIT * patience.get()):
                while not condition():
                    self.change.clear()
                    await self.change.wait()
        except TimeoutError:
            got = f"{count(self.asked, 'request')}, of which {self.left} have ended"
            raise Mismatch(said, expected=expected, got=got, waited=True) from None

    @property
    def url(self):
        host, port = self.address
        return f"http://{host}:{port}/health"


class Gate:
    """A gate that lets one reply through at once, and the others when it is open."""

    def __init__(self):
        self.free = 1
        self.open = asyncio.Event()

    async def wait(self):
        if self.free:
            self.free -= 1
        else:
            await self.open.wait()


@contextlib.asynccontextmanager
async def watching(answer, services, policy=None, numbers=(0.0,), beside=()):
    """Have the answer watch services, by name, on the check's clock; yields a `Watch`.

    beside: further entries of its list, behind the first service.
    """
    async with contextlib.AsyncExitStack() as stack:
        for service in services.values():
            service.address = await stack.enter_async_context(answer.facing(service.script))
        listed = [{"name": name, "url": each.url} for name, each in services.items()]
        listed[1:1] = beside
        yield await stack.enter_async_context(_watch(answer, listed, policy, numbers))


@contextlib.asynccontextmanager
async def _watch(answer, listed, policy=None, numbers=(0.0,)):
    clock, rng = SimulatedClock(SOME_TIME, moves=False), ScriptedRandom(numbers)
    policy = CALM | (policy or {})
    async with contextlib.AsyncExitStack() as stack:
        with apart(*SERVES):
            serving = answer.serving("serve", listed, policy, clock, rng)
            peer = await stack.enter_async_context(serving)
        yield Watch(peer, clock, policy, [each["name"] for each in listed])


class Watch:
    """The answer, watching by a policy, with its clock."""

    def __init__(self, peer, clock, policy, names):
        self.peer = peer
        self.clock = clock
        self.policy = policy
        self.names = names
        self.rounds = 0

    async def settled(self, subject=False):
        """Wait for the end of a round: the answer sleeps until the next one, and does nothing else.

        The sleeps between tries are ended one after another; their seconds are returned. subject:
        whether the check is about that.
        """
        with contextlib.nullcontext() if subject else apart(*ROUNDS):
            return await self._settled()

    async def _settled(self):
        slept = []
        every = self.policy["every"]
        said = f"behind a round the monitor sleeps, clock.sleep({every}), and so does each retry"
        for _ in range(SETTLINGS):
            await self.clock.until_asleep(1, timeout=ROUND, said=said)
            left, *more = self.clock.asleep()
            if left == every:
                self.rounds += 1
                return slept
            slept.append(left)
            assert_that(every not in more, GOES_ON, "no other sleep", f"one of {every} s")
            if left > self.policy["cap"]:
                break
            await self.clock.advance(left)
        raise Mismatch(said, expected=f"a sleep of {every} s", got=f"sleeps of {show(slept)} s")

    async def next_round(self, subject=False):
        """Come to the end of the next round, as `settled` does; the first begins by itself."""
        if self.rounds:
            await self.clock.advance(self.policy["every"])
        return await self.settled(subject)

    def assert_awake(self, did):
        """Fail if the answer sleeps, though a service has not answered yet."""
        with apart(*ROUNDS):
            assert_equal(self.clock.asleep(), [], GOES_ON, did)

    async def status(self):
        """The document of /status."""
        conn = await self.peer.connect(who="a reader")
        response = await request(conn, "GET", "/status")
        conn.close()
        with having("sent GET /status"), apart(*FORM):
            assert_equal(response.status, 200, "the document is there at any time", "GET /status")
            said = "the document is JSON, and says so"
            assert_equal(response.media_type, "application/json", said)
            try:
                document = response.json()
            except ValueError as error:
                raise Mismatch(said, expected="JSON in UTF-8", got=f"{error}") from None
            return self.read(document)

    def read(self, document):
        """The entries of a document by name. Fails unless it is in the form that the task says."""
        said = "a document has the number of its round, and an entry for each service, in order"
        wanted = {"round": int, "services": list}
        fits = isinstance(document, dict) and all(
            type(document.get(name)) is kind for name, kind in wanted.items()
        )
        if not fits:
            form = '{"round": 3, "services": [...]}'
            raise Mismatch(said, expected=form, got=show(document))
        for entry in document["services"]:
            members = ("name", "state", "since", "verdict", "why")
            if not isinstance(entry, dict) or any(name not in entry for name in members):
                said = "an entry of the document has five members"
                raise Mismatch(said, expected=", ".join(members), got=show(entry))
        assert_equal([each["name"] for each in document["services"]], self.names, said)
        return document["round"], {each["name"]: each for each in document["services"]}

    async def states(self):
        """The state of each service, by the document of the round that has just ended."""
        number, entries = await self.status()
        said = "when a round has ended, the document has its number"
        with apart(*COUNTED):
            assert_equal(number, self.rounds, said, f"let {count(self.rounds, 'round')} end")
        return {name: entry["state"] for name, entry in entries.items()}


class Viewer:
    """A reader of /events: who has opened the page."""

    def __init__(self, watch, conn):
        self.watch = watch
        self.conn = conn
        self.client = h11.Connection(h11.CLIENT)
        self.text = bytearray()
        self.head = None

    @classmethod
    async def opened(cls, watch, who="a viewer"):
        viewer = cls(watch, await watch.peer.connect(who=who))
        host, port = viewer.conn.remote
        head = h11.Request(method="GET", target="/events", headers=[("Host", f"{host}:{port}")])
        await viewer.conn.send(viewer.client.send(head) + viewer.client.send(h11.EndOfMessage()))
        return viewer

    async def next(self):
        """The next document: its round, and its entries by name."""
        said = "each document is an event: a line `data: {...}`, and an empty line behind it"
        event = await self._event()
        data = [line.removeprefix("data:").lstrip() for line in event if line[:5] == "data:"]
        with having("read the next event of GET /events"), apart(*FORM):
            assert_equal(len(data), 1, f"{said}: so many lines of data came")
            try:
                document = json.loads(data[0])
            except ValueError:
                got = show("\n".join(event))
                raise Mismatch(said, expected="data: {...}", got=got) from None
            return self.watch.read(document)

    async def _event(self):
        """The lines of the next event; what has no data, such as a comment, is none."""
        while True:
            seen = 0
            while (end := self.text.find(b"\n\n", seen)) < 0:
                seen = max(len(self.text) - 1, 0)
                self.text += (await self._more()).replace(b"\r", b"")
            lines = self.text[:end].decode("utf-8", "replace").split("\n")
            del self.text[: end + 2]
            if not all(line.startswith(NO_DATA) for line in lines if line):
                return lines

    async def _more(self):
        while True:
            try:
                event = self.client.next_event()
            except h11.RemoteProtocolError as error:
                said = "what your answer sends is no HTTP response"
                raise Mismatch(said, expected="a response", got=str(error)) from None
            if event is h11.NEED_DATA:
                said = "an event for the document that there is, and one for each round"
                self.client.receive_data(await self.conn.recv(timeout=WAIT, said=said))
            elif isinstance(event, h11.Response):
                self.head = event
                self._is_a_stream()
            elif isinstance(event, h11.Data):
                return bytes(event.data)
            else:
                said = "the stream of events goes on until its viewer leaves, or stop is set"
                raise Mismatch(said, expected="the next event", got="the end of the response")

    def _is_a_stream(self):
        fields = {name: value for name, value in self.head.headers}
        kind = fields.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip()
        said = "a stream of events says what it is"
        wanted = (200, "text/event-stream")
        with apart(*FORM):
            assert_equal((self.head.status_code, kind), wanted, said, "sent GET /events")


# ---- the step ----


@step.check(
    "raises what may pass, and returns what is an answer",
    points=1,
    misconception="any-failure-may-be-retried",
    hints=list(TRIED),
)
async def raises_what_may_pass(answer, draw, variant):
    for verdict, status in (
        ("refused", None), ("broken", None), ("broken", 200), ("slow", None), ("slow", 200),
    ):  # fmt: skip
        report = {"verdict": verdict, "status": status, "bytes": 0, "why": f"{draw.word()} it is"}
        with apart(*TRIED):
            raised = await answer.raises(PASSING[verdict], "tried", report)
            said = "the error says why"
            assert_equal(raised.message, report["why"], said, f"called tried({show(report)})")
    for verdict, status in (
        ("healthy", 200), ("unhealthy", 503), ("unhealthy", 200), ("redirects", 302),
        ("too-large", 200), ("unknown-name", None),
    ):  # fmt: skip
        report = {"verdict": verdict, "status": status, "bytes": 7, "why": draw.word()}
        said = "whatever else a report says, there is an answer: its status, and no fields"
        did = f"called tried({show(report)})"
        got = await answer.call("tried", report)
        with apart(*TRIED):
            assert_equal(got, {"status": status, "headers": {}}, said, did)


# ---- the build ----


@exercise.check(
    "a page, a document and a stream",
    points=2,
    deadline=30.0,
    hints=[
        "What does your monitor say of a service that it has not asked yet, and what in the midst "
        "of a round?",
        "Serve from the beginning, not from the end of the first round on. Until then the round is "
        "0, and each entry is unknown, since null, verdict null, why empty. What a round finds is "
        "put when it has ended, all of it, not service by service.",
        'Application([("/", Page), ("/status", Status, ...), ("/events", Events, ...)]).listen('
        "port, host), and then asyncio.create_task(watch(...)).",
    ],
)
async def a_page_a_document_and_a_stream(answer, draw, variant):
    gate, change = Gate(), asyncio.Event()
    names = (draw.word(), f'"{draw.word()}"\n', draw.text(8))  # which JSON has to escape
    services = {name: Service(WELL, BUSY, RESET, gate=gate, change=change) for name in names}
    one, *_ = services.values()

    def asked():
        return sum(each.asked for each in services.values())

    async with watching(answer, services, {"at_once": 1}) as watch:
        watch.peer.assert_own_address()
        conn = await watch.peer.connect(who="a browser")
        page = await request(conn, "GET", "/")
        did = "sent GET /"
        assert_equal((page.status, page.media_type), (200, "text/html"), "the page is HTML", did)
        assert_that(
            b"new EventSource(" in page.body,
            said="the page listens to the events: it is the one that is given",
            expected="a page with `new EventSource(...)`",
            got=show(page.body[:100]),
            did=did,
        )
        path = f"/{draw.word()}"
        elsewhere = await request(conn, "GET", path)
        assert_equal(elsewhere.status, 404, "there is nothing else", f"sent GET {path}")
        begins = "the first round begins at once, and the next one when the sleep has ended"
        with apart(*ROUNDS):
            await one.until(lambda: asked() >= 2, begins, "a request to one service, then another")
        did = "asked in the midst of a round: one service has answered, and two have not"
        watch.assert_awake(did)
        unknown = {"state": "unknown", "since": None, "verdict": None, "why": ""}
        wanted = 0, {name: {"name": name, **unknown} for name in services}
        said = "until a first round has ended, nothing is known"
        assert_equal(_known(await watch.status()), wanted, said, did)
        viewer = await Viewer.opened(watch)
        with having("opened /events"), apart(*FORM):
            first_event = _known(await viewer.next())
        assert_equal(first_event, wanted, f"{said}: the first event says so", did)
        await watch.clock.advance(draw.integer(3, 9))  # the round takes its time
        gate.open.set()
        await watch.settled()
        since = watch.clock.seconds
        for source, told in (("/status", await watch.status()), ("/events", await viewer.next())):
            number, entries = told
            did = f"let a round end in which all is well, and read {source}"
            assert_equal(number, 1, "the document is that of the round which has ended", did)
            for name, entry in entries.items():
                wanted = {"name": name, "state": "up", "since": since, "verdict": "healthy"}
                got = {key: entry[key] for key in wanted}
                got["since"] = _number(got["since"])
                said = "a service that is healthy is up, since the end of the round"
                with apart(*SINCE):
                    assert_equal(got, wanted, said, did)
        before = _known(told)
        gate = Gate()
        for each in services.values():
            each.gate = gate
        await watch.clock.advance(EVERY)
        with apart(*ROUNDS):
            await one.until(lambda: asked() >= 5, begins, "a request to one service, then another")
        did = "asked in the midst of the second round, in which one service has answered 503"
        said = "until a round has ended, the document is that of the round before"
        assert_equal(_known(await watch.status()), before, said, did)
        gate.open.set()
        await watch.settled()
        number, entries = await viewer.next()
        did = "let a second round end, in which all answer 503, and read /events"
        assert_equal(number, 2, "the document is that of the round which has ended", did)
        states = {name: entry["state"] for name, entry in entries.items()}
        said = "the states are those of this round"
        assert_equal(states, dict.fromkeys(names, "down"), said, did)
        await watch.next_round()
        _, entries = await watch.status()
        did = "let a third round end, in which all reset the connection, and read /status"
        said = "who is down in another way than before has another verdict, and is down as long"
        for entry in entries.values():
            wanted = {"state": "down", "since": since + EVERY, "verdict": "broken"}
            got = {key: entry[key] for key in wanted}
            got["since"] = _number(got["since"])
            with apart(*SINCE):
                assert_equal(got, wanted, said, did)


def _known(told):
    """A round and its entries, without members that the task does not name."""
    number, entries = told
    members = ("name", "state", "since", "verdict", "why")
    return number, {name: {key: each[key] for key in members} for name, each in entries.items()}


def _number(value):
    """A number as a float: 60 and 60.0 are one time."""
    return float(value) if type(value) in (int, float) else value


@exercise.check(
    "a bad day is told as it was",
    points=3,
    deadline=60.0,
    misconception="status-200-is-success",
    hints=[
        "One dies, one drips, one lies, one redirects for ever. What does your page say of each, "
        "and since when?",
        "The verdict is the one of checker.check. The state changes with it, and `since` with the "
        "state alone: a service that is down for three rounds went down in the first of them.",
        'state = "up" if report["verdict"] == "healthy" else "down"; if state != entry["state"]: '
        "entry.update(state=state, since=now).",
    ],
)
async def a_bad_day_is_told_as_it_was(answer, draw, variant):
    policy = {"tries": 2, "timeout": patience.get(), "every": draw.integer(20, 300)}
    async with BadDay(draw.seed) as day:
        answer.ports |= day.ports
        # A try that fails is followed by a sleep: rounds take their time on this clock, too.
        async with _watch(answer, day.services, policy, [0.5]) as watch:
            since = dict.fromkeys(day.script)
            before = dict.fromkeys(day.script)
            for number in range(1, day.rounds + 1):
                await day.begin(number)
                with having(f"let round {number} of the day with the seed {day.seed} go on"):
                    await watch.next_round()
                states = await watch.states()
                _, entries = await watch.status()
                for name, verdict in day.verdicts().items():
                    state = "up" if verdict == "healthy" else "down"
                    if state != before[name]:
                        before[name], since[name] = state, watch.clock.seconds
                    wanted = {"verdict": verdict, "state": state, "since": since[name]}
                    got = {key: entries[name][key] for key in wanted}
                    got["since"] = _number(got["since"])
                    _told(day, name, got, wanted)
                assert_equal(states, before, "the states are those of this round")


def _told(day, name, got, wanted):
    """Fail unless an entry says what was so; tell the day until then."""
    lines = [f"The day of {name}, round by round:"]
    lines += [f"{n:4}  {what}" for n, what in enumerate(day.script[name][: day.round], 1)]
    did = f"let {count(day.round, 'round')} of the day with the seed {day.seed} end"
    beside = contextlib.nullcontext()
    if day.weather(name) == "blip":
        beside = apart(*ONCE_MORE)
    elif got | {"since": None} == wanted | {"since": None}:
        beside = apart(*SINCE)
    try:
        with beside:
            assert_equal(got, wanted, f"the entry of {name} says what was so, and since when", did)
    except Mismatch as mismatch:
        mismatch.notes.append("\n".join(lines))
        # A healthy service may be taken for a slow one while others have the machine.
        mismatch.waited = got["verdict"] == "slow" != wanted["verdict"]
        raise


@exercise.check(
    "one failure is no outage",
    points=2,
    deadline=60.0,
    misconception="any-failure-may-be-retried",
    hints=[
        "A service answers 503 once, and is well a second later. Whom does your page wake up?",
        "A probe is one retry.call, and each of its tries one checker.check with the timeout that "
        "the try is given. What the last try has found is the verdict.",
        'async def send(request, timeout): report.update(await checker.check(request["target"], '
        "timeout)); then raise or return as in the step; await retry.call(send, request, policy, "
        "clock, rng, budget).",
    ],
)
async def one_failure_is_no_outage(answer, draw, variant):
    base = draw.choice((2, 4))
    policy = {"tries": 3, "base": base, "cap": 2 * base}
    scenes = (
        ("503, then well", (BUSY, WELL), "up", 2),
        ("a reset, then well", (RESET, WELL), "up", 2),
        ("503 twice, then well", (BUSY, BUSY, WELL), "up", 3),
        ("503, and again", (BUSY, BUSY, BUSY, WELL), "down", 3),
        ("404", (MISSING, WELL), "down", 1),
        ("a lie", (LIE, WELL), "down", 1),
    )
    for meets, replies, state, times in scenes:
        service = Service(*replies)
        part = draw.integer(1, 15) / 16
        async with watching(answer, {"shop": service}, policy, [part]) as watch:
            did = f"let a probe meet {meets}; policy: tries 3, base {base}; the dice give {part}"
            with having(did):
                slept = await watch.settled()
            said = "what may pass is tried again, as retry.call does, and nothing else is"
            beside = apart(*(ONCE_MORE if service.asked else ROUNDS))
            with beside if service.asked < times else contextlib.nullcontext():
                assert_equal(service.asked, times, f"{said}: so many tries were made", did)
            with apart(*ONCE_MORE):
                said = "between two tries are the drawn delays"
                assert_equal(slept, [part * base * 2**n for n in range(times - 1)], said, did)
                said = "the state is what the last try has found"
                assert_equal(await watch.states(), {"shop": state}, said, did)
    service = Service(SILENCE, WELL)
    impatient = policy | {"timeout": 0.5 * patience.get()}
    async with watching(answer, {"shop": service}, impatient) as watch:
        did = "let a probe meet silence, then a service that is well; policy: timeout 0.5"
        said = "a try has the timeout of the policy, and one that is too slow is tried again"
        with having(did), apart(*TIMEOUT):
            await service.until(lambda: service.left, said, "the end of the first try")
            await watch.settled()
        states = await watch.states()
        if states != {"shop": "up"}:  # the second try may have been slow, too: a busy machine
            got = show(states)
            raise Mismatch(said, did, expected=show({"shop": "up"}), got=got, waited=True)
    service = Service(SILENCE)
    urgent = policy | {"tries": 1, "deadline": 0.5 * patience.get()}
    async with watching(answer, {"shop": service}, urgent) as watch:
        did = "let a probe meet silence; policy: timeout 100, deadline 0.5"
        said = "a try has the timeout that send is given, which may be shorter than the policy's"
        with having(did), apart(*TIMEOUT):
            await service.until(lambda: service.left, said, "the end of the try")
            await watch.settled()


@exercise.check(
    "an outage of everything is not made worse",
    points=2,
    deadline=60.0,
    misconception="retries-cost-nothing",
    hints=[
        "All services are down, all day. How many requests is a round then?",
        "One budget for all probes of all rounds: Budget(policy['calls'], policy['most']), made "
        "once.",
        "Make it before the loop over the rounds, and hand the same one to every retry.call.",
    ],
)
async def an_outage_of_everything_is_not_made_worse(answer, draw, variant):
    number, calls, most = 4, draw.integer(6, 10), draw.integer(2, 3)
    services = {draw.word() + str(n): Service(BUSY) for n in range(number)}
    policy = {"tries": 3, "calls": calls, "most": most}
    async with watching(answer, services, policy) as watch:
        credit = most * calls
        for rounds in range(1, 8):
            before = sum(each.asked for each in services.values())
            did = f"let {count(rounds, 'round')} end with {number} services that answer 503"
            with having(did):
                await watch.next_round()
            credit = min(credit + number, most * calls)
            retries = credit // calls
            credit -= retries * calls
            asked = sum(each.asked for each in services.values()) - before
            said = f"each probe earns, {calls} of them pay for one retry, and {most} can be saved"
            beside = apart(*(ONCE_MORE if asked == number else ROUNDS))
            with beside if asked <= number else contextlib.nullcontext():
                assert_equal(asked, number + retries, f"{said}: requests in this round", did)


@exercise.check(
    "as many at once as the policy says",
    points=2,
    deadline=30.0,
    hints=[
        "Twenty services, and the first takes ten seconds. When is the last one asked?",
        "gather.gather_bounded(policy['at_once'], makers, None): a maker for each service, which "
        "makes the coroutine of its probe.",
        "functools.partial(probe, service, ...) is a maker; a coroutine that is there already is "
        "none.",
    ],
)
async def as_many_at_once_as_the_policy_says(answer, draw, variant):
    number, at_once = 7, draw.integer(2, 4)
    crowd = []
    gates = [asyncio.Event() for _ in range(number)]
    services = {
        f"{draw.word()}{n}": Service(gate=gate, crowd=crowd) for n, gate in enumerate(gates)
    }
    async with watching(answer, services, {"at_once": at_once}) as watch:
        said = f"with at_once {at_once}, so many services are asked at the same time"
        did = f"let none of {number} services answer yet"
        for ended in range(number):
            wanted = min(at_once, number - ended)
            with having(did):
                await _crowded(crowd, wanted, said)
                watch.assert_awake(did)
            first = crowd[0]
            did = f"let {count(ended + 1, 'service')} of {number} answer"
            first.gate.set()
            await first.until(lambda first=first: first not in crowd, said, "the end of a request")
        await watch.settled()
        assert_equal(set((await watch.states()).values()), {"up"}, "each is asked, and is up", did)


async def _crowded(crowd, wanted, said):
    """Wait until so many requests are there at once, and see that there are no more."""
    until = asyncio.get_running_loop().time() + WAIT * patience.get()
    while len(crowd) < wanted and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.01)
    if len(crowd) < wanted:
        got = f"{count(len(crowd), 'request')} for {WAIT:g} s"
        raise Mismatch(said, expected=count(wanted, "request"), got=got, waited=True)
    await asyncio.sleep(MOMENT)
    assert_equal(len(crowd), wanted, f"{said}, and no more")


@exercise.check(
    "what cannot be asked takes down no other",
    points=1,
    deadline=30.0,
    hints=[
        "One URL of the list has a slip of the pen. What do you learn of the other services?",
        "checker.check may raise what is no affair of the network, and gather_bounded passes the "
        "first error on. A probe must return a report, whatever happens.",
        'except Exception as error: return {"verdict": "error", "why": repr(error)}.',
    ],
)
async def what_cannot_be_asked_takes_down_no_other(answer, draw, variant):
    services = {draw.word() + str(n): Service() for n in range(2)}
    typos = [{"name": f"typo {n}", "url": wrong} for n, wrong in enumerate(NO_URLS, 1)]
    async with watching(answer, services, {"tries": 2}, beside=typos) as watch:
        wanted = {name: "up" if name in services else "down" for name in watch.names}
        for rounds in (1, 2):
            urls = " and ".join(NO_URLS)
            did = f"let {count(rounds, 'round')} end, with services whose URLs are {urls}"
            with having(did):
                await watch.next_round(subject=True)
            number, entries = await watch.status()
            assert_equal(number, rounds, "such a round has its document, too", did)
            said = "what cannot be asked is down, and the others are what they are"
            states = {name: entry["state"] for name, entry in entries.items()}
            assert_equal(states, wanted, said, did)
            for entry in entries.values():
                verdict, why = entry["verdict"], entry["why"]
                assert_that(
                    entry["name"] in services or (isinstance(verdict, str) and verdict and why),
                    said="a service that cannot be asked has a verdict too, and a reason",
                    expected="two texts that are not empty",
                    got=show(entry),
                    did=did,
                )


@exercise.check(
    "a viewer who does not read delays nobody",
    points=2,
    deadline=60.0,
    misconception="send-is-instant",
    hints=[
        "Somebody opens the page on a train, and the tunnel begins. Who waits for whom?",
        "A viewer needs the newest document, not all of them. So keep no queue: each viewer waits "
        "for its own flush, and then takes what there is.",
        "while True: changed = board.changed; self.write(...); await self.flush(); await "
        "changed.wait(). Whoever puts a document sets that event, and makes a new one.",
    ],
)
async def a_viewer_who_does_not_read_delays_nobody(answer, draw, variant):
    name = draw.word().ljust(LONG_NAME, "x")
    async with watching(answer, {name: Service()}) as watch:
        await watch.settled()
        quick, slow = await Viewer.opened(watch), await Viewer.opened(watch, "a viewer who is away")
        leaving = await Viewer.opened(watch, "a viewer who leaves")
        for rounds in range(1, FEW_ROUNDS + 1):
            did = f"let {count(rounds, 'round')} end, while one viewer reads and another does not"
            with having(did), apart(*FORM) if rounds == 1 else contextlib.nullcontext():
                if rounds > 1:
                    await watch.next_round(subject=True)
                await _reads(quick, rounds)
        quick.conn.close()
        leaving.conn.close()
        for rounds in range(FEW_ROUNDS + 1, MANY_ROUNDS):
            did = f"let {count(rounds, 'round')} end, when two viewers have left, and one is away"
            with having(did):
                await watch.next_round(subject=True)
        late = await Viewer.opened(watch, "a viewer who comes late")
        did = "let somebody open the page while another viewer does not read"
        with having(did):
            await _reads(late, MANY_ROUNDS - 1)
            await watch.next_round(subject=True)
            await _reads(late, MANY_ROUNDS)
        did = f"let {MANY_ROUNDS} rounds end, then let the other viewer read"
        seen = []
        with having(did):
            while not seen or seen[-1] < MANY_ROUNDS:
                seen.append((await slow.next())[0])
        said = "the documents come in their order, and none twice"
        assert_equal(seen, sorted(set(seen)), said, did)
        said = "who comes back gets the newest document, not all that there have been"
        got = f"{count(len(seen), 'document')} of {MANY_ROUNDS}"
        fewer = f"fewer than {MANY_ROUNDS}: what was under way, and the newest"
        assert_that(len(seen) < MANY_ROUNDS, said, fewer, got, did)


async def _reads(viewer, rounds):
    """Read the document of a round. What comes before may be one of the round before."""
    while (number := (await viewer.next())[0]) < rounds:
        pass
    assert_equal(number, rounds, "who reads has each document at once")


@exercise.check(
    "stop is soon",
    points=2,
    deadline=60.0,
    misconception="stop-ends-what-is-in-flight",
    hints=[
        "Stop is set in the middle of a round. What does your serve wait for?",
        "The rounds are a task: cancel it, and wait for its end. The same holds for viewers.",
        "watching.cancel(); await asyncio.gather(watching, *viewers, return_exceptions=True).",
    ],
)
async def stop_is_soon(answer, draw, variant):
    service = Service(SILENCE)
    async with watching(answer, {"shop": service}) as watch:
        said = "the first round begins at once"
        with apart(*ROUNDS):
            await service.until(lambda: service.asked == 1, said, "a request")
        did = "set stop while a service had not answered"
        await watch.peer.stop(PROMPT, did=did)
        said = "a probe that is under way ends, and closes its connection"
        await service.until(lambda: service.left == 1, said, "the end of its connection")
    service = Service()
    async with watching(answer, {"shop": service}) as watch:
        await watch.settled()
        viewers = [await Viewer.opened(watch) for _ in range(2)]
        with having("opened /events"), apart(*FORM):
            for viewer in viewers:
                await viewer.next()
        did = "set stop while the monitor slept until the next round, and two viewers read"
        await watch.peer.stop(PROMPT, did=did)
        asked = service.asked
    assert_equal(asked, 1, "one round is one request", did)
    service = Service(BUSY)
    async with watching(answer, {"shop": service}, {"tries": 2}, [0.5]) as watch:
        with apart(*ONCE_MORE):
            await watch.clock.until_asleep(1, timeout=ROUND, said="behind 503 a probe waits")
        await watch.peer.stop(PROMPT, did="set stop while a probe waited for its second try")
    async with watching(answer, {draw.word().ljust(BOOK, "x"): Service()}) as watch:
        await watch.settled()
        viewer = await Viewer.opened(watch, "a viewer who is away")
        with apart(*FORM):
            await viewer.conn.recv(1, timeout=WAIT, said="a viewer gets a document at once")
        for _ in range(2):
            await watch.next_round()
        await watch.peer.stop(PROMPT, did="set stop while a viewer did not read")
