"""Checks of the exercise `idempotent`: a payment service that honours Idempotency-Key.

What moves the money is the checks' own: a stand-in sees when each charge begins, and decides when
it ends and how. So a repeat comes while a charge is under way because the check makes it so. Days
pass on a clock that the check moves.
"""

import asyncio
import contextlib

import h11

from labsupport.checking import (
    Coroutine,
    Exercise,
    Mismatch,
    StandIn,
    assert_bytes,
    assert_equal,
    assert_that,
    fail,
)
from labsupport.checking.asserts import apart, having, patience
from labsupport.checking.simulated import SimulatedClock
from labsupport.checking.web import request, response
from labsupport.clock import Deadline

exercise = Exercise(
    "idempotent",
    title="idempotent: a payment that can be repeated",
    lesson="09",
    minutes=50,
    kind="core",
    entry="async def serve(host, port, stop, charge, clock)",
)

key = Exercise(
    "idempotent.key",
    title="idempotent, the step: is it a key?",
    lesson="09",
    minutes=4,
    kind="core",
    entry="key(value) -> str or None",
)

DAY = 86_400.0  # seconds that a key is kept
LONGEST = 64  # characters of a key
GENEROUS = 3.0  # seconds that an answer may be late, however busy the machine is
UNTIL_THE_END = 60.0  # seconds: a response is waited for as long as the check holds its charge
TURNS = 3  # requests that are answered one after the other, until what came before is over
PAIRS = 4  # of requests that lie there when the service has time for them again
JSON = "application/json"
PROBLEM = "application/problem+json"
REPLAYED = "idempotent-replayed"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

NO_KEYS = ("", "k", '"', '""', 'k"', '"k', "'k'", '"k k"', '"k";a=1', '"k" "l"', '"k", "l"')
MORE_NO_KEYS = ('"k.l"', '"k/l"', '"a\\"b"', "?1", "7", "k=1")

REPEATED = (
    "What does your program know of a key, and what does it do when it meets the key again?",
    "One entry for each key. Where there is one with an answer, send that: status, type and body.",
    "self.set_status(entry.status); the entry's Content-Type; Idempotent-Replayed: true; "
    "self.finish(entry.content).",
)
STOPPED = (
    "serve has returned. Which of the things that it made goes on?",
    "At the end: server.stop(), then await server.close_all_connections().",
)


class Charged(Coroutine):
    """One charge, which ends when its gate is opened: with a receipt, or with an error."""

    def __init__(self, charge, number, body):
        self.charge = charge
        self.body = body
        self.receipt = b'{"receipt": "%d-%s"}' % (number, charge.word.encode())
        self.error = None
        self.gate = asyncio.Event()
        self.ended = False

    async def run(self):
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.receipt

    def over(self, left):
        self.ended = True
        self.charge.changed.set()


class Charge(StandIn):
    """What moves the money.

    held: each charge waits for its gate. error: what the next ones raise. permitted: how often
    each body may be charged; one time more fails the check, with `said`.
    """

    exposed = ("__call__",)

    def __init__(self, word):
        self.word = word
        self.held = False
        self.error = None
        self.permitted = {}
        self.said = "a payment is charged once"
        self.did = ""
        self.charges = []  # in the order in which they were begun
        self.changed = asyncio.Event()
        self.answering = asyncio.Event()  # while it is not set, the caller's thread waits
        self.answering.set()

    def __repr__(self):
        return "charge"

    async def __call__(self, body):
        if not isinstance(body, bytes):
            fail("charge is given the body as it came", self.did, "bytes", body)
        before = [each for each in self.charges if each.body == body]
        if len(before) >= self.permitted.get(body, 0):
            again = ", once more" if before else ""
            expected = f"no {'further ' if before else ''}call of charge"
            fail(self.said, self.did, expected, f"charge was called with {body!r}{again}")
        charged = Charged(self, len(self.charges) + 1, body)
        charged.error = self.error
        self.charges.append(charged)
        if not self.held:
            charged.gate.set()
        self.changed.set()
        await self.answering.wait()
        return charged

    def permit(self, body):
        """Let this body be charged, once, or once more."""
        self.permitted[body] = self.permitted.get(body, 0) + 1

    def release(self):
        """Let all charges end that are under way, and all that will be."""
        self.held = False
        for each in self.charges:
            each.gate.set()

    async def begun(self, number, said="a payment is charged"):
        """Wait until so many charges have begun; the last of them."""
        await self._until(lambda: len(self.charges) >= number, said, f"{number} calls of charge")
        return self.charges[number - 1]

    async def ends(self, charged):
        """Open the gate of a charge, and wait until the answer has its result."""
        charged.gate.set()
        await self._until(lambda: charged.ended, "a charge is awaited to its end", "its end")

    async def _until(self, holds, said, expected):
        until = Deadline(GENEROUS * patience.get())
        while not holds():
            self.changed.clear()
            try:
                async with asyncio.timeout(until.left()):
                    await self.changed.wait()
            except TimeoutError:
                raise Mismatch(
                    said,
                    did=self.did,
                    expected=f"{expected}, within {GENEROUS:g} s",
                    got=f"{len(self.charges)} calls of charge so far",
                    waited=True,
                ) from None


class Shop:
    """The clients of one server. Each request goes over a connection of its own."""

    def __init__(self, answer, peer, charge, draw):
        self.answer = answer
        self.peer = peer
        self.charge = charge
        self.draw = draw
        self.asked = []
        self.beside = None  # a connection that is kept

    def now(self, did):
        """What the check does next, in words."""
        self.charge.did = did

    def key(self, length=36):
        """A key, as the field has it."""
        return '"' + "".join(self.draw.choice(LETTERS) for _ in range(length)) + '"'

    def body(self):
        """A payment that was not there before."""
        number = self.draw.integer(1, 10**9)
        return b'{"to": "%s", "cents": %d}' % (self.draw.word().encode(), number)

    def first(self):
        """The key and the body of a payment, which may be charged once."""
        body = self.body()
        self.charge.permit(body)
        return self.key(), body

    async def sends(self, key, body, conn=None):
        """Send a payment; the response to come. The request has been sent when this returns."""
        conn = conn or await self.peer.connect()
        task = asyncio.ensure_future(self._response(await asks(conn, key, body), conn))
        self.asked.append(task)
        return task

    async def sends_and_waits(self, key, body):
        """Send a payment on which nobody will read; its connection."""
        conn = await self.peer.connect()
        await asks(conn, key, body)
        return conn

    async def _response(self, client, conn):
        with having(self.charge.did):
            return await response(client, conn, timeout=UNTIL_THE_END)

    async def answered(self, asked, said):
        """The response to a request that has been sent."""
        done, _ = await asyncio.wait({asked}, timeout=GENEROUS * patience.get())
        if not done:
            expected = f"a response, within {GENEROUS:g} s"
            raise Mismatch(said, did=self.charge.did, expected=expected, got="none", waited=True)
        return asked.result()

    async def pays(self, key, body, wanted, said):
        """Send a payment whose response has to come, with this status; the response."""
        got = await self.answered(await self.sends(key, body), said)
        self.has(got, wanted, said)
        return got

    async def paid(self, key, body, said="a payment is made, and its receipt is the answer"):
        """Make a payment that is charged: the receipt. It is no replay."""
        before = len(self.charge.charges)
        got = await self.pays(key, body, 201, said)
        if len(self.charge.charges) == before:
            expected = "charge is called, and its receipt is the answer"
            shown = f"status 201, {got.body[:100]!r}; charge was not called"
            fail(said, self.charge.did, expected, shown)
        assert_bytes(got.body, self.charge.charges[before].receipt, said, self.charge.did)
        return got

    async def replays(self, key, body, first, said):
        """Send a payment again: it has what the first one had; the response."""
        got = await self.answered(await self.sends(key, body), said)
        shown = f"status {got.status}, {got.body[:100]!r}"
        right = got.status // 100 == first.status // 100 and got.body == first.body
        expected = f"status {first.status}, {first.body[:100]!r}"
        assert_that(right, said, expected, shown, self.charge.did)
        return got

    def is_replay_of(self, got, first):
        """A replay has to be as the first response, and to say that it is none."""
        did = self.charge.did
        for what in ("status", "media_type"):
            said = f"a replay has the {what.replace('_', ' ')} of the first response"
            assert_equal(getattr(got, what), getattr(first, what), said, did)
        for each, wanted in ((first, None), (got, "true")):
            told = each.field(REPLAYED)
            said = "a replay says that it is one, and the first response does not"
            expected = "Idempotent-Replayed: true" if wanted else "no Idempotent-Replayed"
            shown = f"Idempotent-Replayed: {told}" if told is not None else "no such field"
            assert_that(told == wanted, said, expected, shown, did)

    def has(self, got, wanted, said):
        """The response has to have this status."""
        shown = f"status {got.status}, {got.body[:100]!r}"
        assert_that(got.status == wanted, said, f"status {wanted}", shown, self.charge.did)

    async def settled(self):
        """Wait until the handlers of what has ended have had their turns."""
        if self.beside is None:
            self.beside = await self.peer.connect()
        for _ in range(TURNS):
            await request(self.beside, "GET", "/nowhere", did=self.charge.did)

    async def gone(self, conn, reset=False):
        """Leave, and wait until the server knows it."""
        port = conn.local[1]
        conn.reset() if reset else conn.close()
        until = Deadline(GENEROUS * patience.get())
        while any(each.remote and each.remote[1] == port for each in self.answer.open_sockets()):
            if until.expired:
                said = "a connection that its client has closed is closed"
                got = f"it is still open after {GENEROUS:g} s"
                raise Mismatch(said, did=self.charge.did, got=got, waited=True)
            await asyncio.sleep(0.01)
        await self.settled()


async def asks(conn, key, body):
    """Send a payment; what reads its response."""
    client = h11.Connection(h11.CLIENT)
    fields = [("Host", "x"), ("Content-Type", JSON), ("Content-Length", str(len(body)))]
    keys = [key] if isinstance(key, str | bytes) else key
    fields += [("Idempotency-Key", each) for each in keys]
    head = h11.Request(method="POST", target="/payments", headers=fields)
    parts = (head, h11.Data(data=body), h11.EndOfMessage())
    await conn.send(b"".join(client.send(each) for each in parts))
    return client


@contextlib.asynccontextmanager
async def serving(answer, draw, clock=None):
    """A running service, its clients, and what moves the money for it."""
    charge = Charge(draw.word())
    shop = None
    try:
        async with answer.serving("serve", charge, clock or SimulatedClock(1e9)) as peer:
            shop = Shop(answer, peer, charge, draw)
            yield shop
    finally:
        if shop is not None:
            for task in shop.asked:
                task.cancel()
            await asyncio.gather(*shop.asked, return_exceptions=True)


# ---- the step ----


@key.check(
    "a key is what the quotes enclose",
    points=1,
    hints=[
        "Which of these values have a quote at both ends, and letters alone between them?",
        "A pattern says it: a quote, 1 to 64 of the permitted characters, a quote, and nothing "
        "before or behind.",
        "found = re.fullmatch('\"([A-Za-z0-9_-]{1,64})\"', value); return found[1] if found else "
        "None. Where there is no field, value is None: ask for that first.",
    ],
    deadline=10.0,
)
async def a_key_is_what_the_quotes_enclose(answer, draw, variant):
    for length in (1, 2, 36, LONGEST - 1, LONGEST):
        word = "".join(draw.choice(LETTERS) for _ in range(length))
        got = await answer.call("key", f'"{word}"')
        did = f"called key({chr(39)}{chr(34)}{word}{chr(34)}{chr(39)})"
        assert_equal(got, word, "the key is what stands between the quotes", did)
    long = '"' + draw.choice(LETTERS) * (LONGEST + 1) + '"'
    foreign = ('"é"', '"ß0"', '"\u0663"', '"k\n"', '"k"\n', ' "k"')
    for value in (*NO_KEYS, *MORE_NO_KEYS, *foreign, long, None):
        got = await answer.call("key", value)
        assert_equal(got, None, "what is no key is None", f"called key({value!r})")


# ---- the build ----


@exercise.check(
    "a repeat has the answer of the first request",
    points=2,
    hints=REPEATED,
    deadline=20.0,
)
async def a_repeat_has_the_answer_of_the_first_request(answer, draw, variant):
    async with serving(answer, draw) as shop:
        shop.peer.assert_own_address()
        paid = []
        for _ in range(3):
            key, body = shop.first()
            shop.now(f"sent a payment with the key {key}")
            got = await shop.paid(key, body)
            assert_equal(got.media_type, JSON, "a receipt is sent as JSON", shop.charge.did)
            paid.append((key, body, got))
        for key, body, first in [*paid, *paid[::-1]]:
            shop.now(f"sent a payment with the key {key}, and later the same one again")
            said = "a repeat has the answer of the first request"
            shop.is_replay_of(await shop.replays(key, body, first, said), first)
        same = paid[0][1]
        shop.charge.permit(same)
        shop.now("sent a payment, and later the same body with another key")
        await shop.paid(shop.key(), same, "another key is another payment, whatever its body says")
        with apart(
            "serve was called twice in the same process. Which of your objects do both calls have?",
            "Make the store of the keys in serve, and hand it to the handler through the route.",
        ):
            async with serving(answer, draw) as other:
                other.charge.permit(paid[0][1])
                other.now("sent the key of one service to another one, that of a second `serve`")
                said = "each call of serve has its own keys"
                await other.paid(paid[0][0], paid[0][1], said)
        with apart(*STOPPED):
            await shop.peer.stop(did="set stop while a client was connected")


@exercise.check(
    "another body is another payment",
    points=2,
    misconception="a-key-is-enough",
    hints=[
        "A client uses a key for two payments, by mistake. Which receipt does it get for the "
        "second one, and what does it believe?",
        "Keep the body with the key, from the first moment on. Where the bodies differ: 422, and "
        "nothing is charged, whatever became of the first.",
        "if entry.body != self.request.body: raise HTTPError(422), in front of all other questions "
        "to an entry. The bytes are compared, not what they say.",
    ],
    deadline=20.0,
)
async def another_body_is_another_payment(answer, draw, variant):
    async with serving(answer, draw) as shop:
        said = "a key that comes with another body is refused, and nothing is charged"
        shop.charge.said = said
        key = shop.key()
        body = b'{"to": "%s", "cents": 100}' % draw.word().encode()
        shop.charge.permit(body)
        others = (
            body.replace(b"100", b"1000"),
            body.replace(b": ", b":"),
            body.replace(b"100", b"100.0"),
            body + b" ",
            body[:-1],
            body.upper(),
        )
        shop.charge.held = True
        shop.now(f"sent {body!r}")
        asked = await shop.sends(key, body)
        charged = await shop.charge.begun(1)
        for other in others:
            shop.now(f"sent {body!r}, and {other!r} with the same key while that was being charged")
            await shop.pays(key, other, 422, said)
        await shop.charge.ends(charged)
        first = await shop.answered(asked, "the first payment is made")
        shop.has(first, 201, "the first payment is made, whatever else came with its key")
        for other in others:
            shop.now(f"sent {body!r}, and later {other!r} with the same key")
            await shop.pays(key, other, 422, said)
        shop.now(f"sent {body!r}, other bodies with the same key, and the first one again")
        await shop.replays(key, body, first, "the first payment keeps its key, and its answer")


@exercise.check(
    "a repeat that comes meanwhile gets 409",
    points=2,
    misconception="check-then-act-is-enough",
    hints=[
        "Two requests look for the key before either has made an entry. What does each of them "
        "find, and how far does it get until the other one has its turn?",
        "Other requests run wherever yours awaits. So the entry is made in the same moment as the "
        "look: no await stands between them. An entry without an answer means 409.",
        "entry = entries[key] = Entry(self.request.body), and then await self.charge(...). Where "
        "entry.answer is None: raise HTTPError(409).",
    ],
    deadline=25.0,
)
async def a_repeat_that_comes_meanwhile_gets_409(answer, draw, variant):
    async with serving(answer, draw) as shop:
        said = "a repeat that comes while the first request is being charged gets 409"
        shop.charge.said = f"{said}, and is not charged"
        shop.charge.held = True
        key, body = shop.first()
        shop.now("sent a payment, and the same one again while it was being charged")
        asked = await shop.sends(key, body)
        charged = await shop.charge.begun(1)
        for _ in range(3):
            await shop.pays(key, body, 409, said)
        assert_that(not asked.done(), "the first one waits for its charge", did=shop.charge.did)
        await shop.charge.ends(charged)
        first = await shop.answered(asked, "the first payment is made")
        shop.has(first, 201, "the first payment is made, whoever repeats it meanwhile")
        shop.now("sent a payment, which was charged, a repeat meanwhile, and a repeat later")
        await shop.replays(key, body, first, "a repeat that comes later has the first one's answer")
        await at_the_same_moment(shop, said)


async def at_the_same_moment(shop, said):
    """Pairs of requests that lie there, both, when the service looks for what has come.

    All of its coroutines wait while `charge` does not return: so what is sent meanwhile is read in
    one go, and each handler's first steps run between those of the other.
    """
    charge = shop.charge
    conns = [await shop.peer.connect() for _ in range(2 * PAIRS)]
    for conn in conns:
        await request(conn, "GET", "/nowhere", did="asked for what is not there")
    charge.answering.clear()
    before = len(charge.charges)
    busy = await shop.sends(*shop.first())
    await charge.begun(before + 1)
    shop.now("sent each of some payments twice, over two connections and in the same moment")
    pairs = []
    for first, second in zip(conns[::2], conns[1::2], strict=True):
        key, body = shop.first()
        pairs.append([await shop.sends(key, body, conn) for conn in (first, second)])
    charge.answering.set()
    for pair in pairs:
        done, rest = await asyncio.wait(
            pair, timeout=GENEROUS * patience.get(), return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            got = "two requests that wait"
            raise Mismatch(said, did=charge.did, expected="one 409", got=got, waited=True)
        shop.has(done.pop().result(), 409, said)
        assert_that(rest, said, "one 409, and one that waits", "two responses", charge.did)
    charge.release()
    for asked in (busy, *(each for pair in pairs for each in pair)):
        got = await shop.answered(asked, "one of both is charged, and has its receipt")
        right = got.status in (201, 409)
        assert_that(right, "one of both is charged", "status 201", got.status, charge.did)


@exercise.check(
    "who has left finds the payment made",
    points=2,
    misconception="clients-stay-to-the-end",
    hints=[
        "The client has lost its connection while the money was moving. What is in your store when "
        "the charge has ended, and which line has put it there?",
        "A handler goes on when its client leaves. The answer is kept as soon as it is known, "
        "before anything is sent: what is sent to nobody may raise.",
        "entry.answer = ... is the line right behind await self.charge(...). Cancel nothing in "
        "on_connection_close.",
    ],
    deadline=25.0,
)
async def who_has_left_finds_the_payment_made(answer, draw, variant):
    async with serving(answer, draw) as shop:
        charge = shop.charge
        said = "a client that has left and comes again finds the answer to its payment"
        charge.said = f"{said}, and pays once"
        charge.held = True
        for reset in (False, True):
            left = "broke its connection off" if reset else "closed its connection"
            key, body = shop.first()
            shop.now(f"sent a payment; the client {left} while it was being charged")
            number = len(charge.charges) + 1
            conn = await shop.sends_and_waits(key, body)
            charged = await charge.begun(number)
            await shop.gone(conn, reset)
            shop.now(f"{charge.did}, and sent the payment again meanwhile")
            await shop.pays(key, body, 409, "a charge goes on when its client has left")
            await charge.ends(charged)
            await shop.settled()
            shop.now(f"sent a payment; the client {left} before its answer, and sent it again")
            got = await shop.answered(await shop.sends(key, body), said)
            shown = f"status {got.status}, {got.body!r}"
            right = got.body == charged.receipt
            assert_that(right, said, f"status 201, {charged.receipt!r}", shown, charge.did)
        key, body = shop.first()
        shop.now("sent a payment; the client left, and then the bank could not be reached")
        charge.error = ConnectionRefusedError(111, "Connection refused")
        number = len(charge.charges) + 1
        conn = await shop.sends_and_waits(key, body)
        charged = await charge.begun(number)
        await shop.gone(conn)
        await charge.ends(charged)
        await shop.settled()
        charge.error, charge.held = None, False
        charge.permit(body)
        with apart(
            "The charge has failed, and nobody was there to be told. Is the key free again?",
            "What becomes of a key depends on its charge, and not on who is connected.",
        ):
            await shop.paid(key, body, "a key whose charge was refused is free, whoever has left")


@exercise.check(
    "what was never charged can be tried again",
    points=2,
    misconception="a-stored-failure-is-an-answer",
    hints=[
        "The bank could not be reached, and the client tries again with its key. What does it get, "
        "and how often could it try?",
        "A refused connection proves that no money has moved. So the key is as free as if it had "
        "never come: 503, and no entry stays.",
        "except ConnectionRefusedError as error: del entries[key]; and then raise HTTPError(503) "
        "from error.",
    ],
    deadline=20.0,
)
async def what_was_never_charged_can_be_tried_again(answer, draw, variant):
    async with serving(answer, draw) as shop:
        charge = shop.charge
        said = "where no money has moved, the client may try again with the same key"
        key, body = shop.first()
        charge.error = ConnectionRefusedError(111, "Connection refused")
        for times in ("", " once more"):
            shop.now(f"let charge raise ConnectionRefusedError, and sent a payment{times}")
            await shop.pays(key, body, 503, "who could not be charged is told so with 503")
            charge.permit(body)
        charge.held = True
        shop.now("let charge raise ConnectionRefusedError after a while, and sent a repeat before")
        asked = await shop.sends(key, body)
        charged = await charge.begun(3)
        await shop.pays(key, body, 409, "as long as nobody knows how it ends, a repeat gets 409")
        await charge.ends(charged)
        got = await shop.answered(asked, "who could not be charged is told so")
        shop.has(got, 503, "who could not be charged is told so with 503")
        charge.error, charge.held = None, False
        charge.permit(body)
        shop.now("let charge raise ConnectionRefusedError, and later sent the payment again")
        first = await shop.paid(key, body, said)
        await shop.replays(key, body, first, "what was charged in the end has its answer kept")
        key, body = shop.first()
        charge.error = ConnectionRefusedError(111, "Connection refused")
        shop.now("let charge raise ConnectionRefusedError, and later sent another body")
        await shop.pays(key, body, 503, "who could not be charged is told so with 503")
        charge.error, other = None, shop.body()
        charge.permit(other)
        await shop.paid(key, other, "nothing is kept of a payment that was never charged")


@exercise.check(
    "what may have been charged is not charged again",
    points=2,
    hints=[
        "charge has raised TimeoutError. Has the money moved?",
        "Nobody knows. A second charge could be one too many, so the key keeps the failure: 500, "
        "and the same 500 for each repeat.",
        "One except for ConnectionRefusedError, another one for Exception: the latter makes an "
        "answer of it, and keeps that as any other.",
    ],
    deadline=20.0,
)
async def what_may_have_been_charged_is_not_charged_again(answer, draw, variant):
    errors = (
        TimeoutError(),
        ConnectionResetError(104, "Connection reset by peer"),
        BrokenPipeError(32, "Broken pipe"),
        OSError(113, "No route to host"),
        RuntimeError(draw.word()),
        ValueError(draw.word()),
        KeyError(draw.word()),
    )
    async with serving(answer, draw) as shop:
        charge = shop.charge
        said = "where money may have moved, the same key charges nothing again"
        charge.said = said
        for error in errors:
            key, body = shop.first()
            charge.error = error
            shop.now(f"let charge raise {error!r}, and sent a payment")
            first = await shop.pays(key, body, 500, "who may have been charged is told 500")
            charge.error = None
            shop.now(f"let charge raise {error!r}, and sent the payment again")
            for _ in range(2):
                shop.is_replay_of(await shop.replays(key, body, first, said), first)
            shop.now(f"let charge raise {error!r}, and sent another body with the same key")
            await shop.pays(key, shop.body(), 422, "a key that is kept belongs to its body")


@exercise.check(
    "a key is kept for a day",
    points=1,
    hints=[
        "From which moment on does your program count the 86,400 seconds, and what does it do with "
        "a key in the last of them?",
        "They begin when the answer is known: ask the clock then. A charge that is under way has "
        "no end yet, however long it takes. A replay does not begin a new day.",
        "entry.until = self.clock.now() + 86_400, behind the charge; at self.clock.now() >= "
        "entry.until the key is new. Before the charge ends, until is math.inf.",
    ],
    deadline=20.0,
)
async def a_key_is_kept_for_a_day(answer, draw, variant):
    start = 1e9 + draw.integer(0, 10**8)
    clock = SimulatedClock(start, moves=False)
    async with serving(answer, draw, clock) as shop:
        charge = shop.charge
        again = "from 86,400 seconds on a key is new"
        kept = "a key is kept for 86,400 seconds from the moment when its answer is known"
        key, body = shop.first()
        shop.now("sent a payment")
        first = await shop.paid(key, body)
        for after in (0.5, 3600, DAY / 2, DAY - 1, DAY - 0.5):
            clock.seconds = start + after
            shop.now(f"sent a payment, and the same one again {after:,} s later")
            await shop.replays(key, body, first, kept)
        clock.seconds = start + DAY - 0.5
        later, failing = shop.first(), shop.first()
        shop.now("sent other payments half a second before the day is over")
        second = await shop.paid(*later)
        charge.error = RuntimeError()
        await shop.pays(*failing, 500, "who may have been charged is told 500")
        charge.error = None
        clock.seconds = start + DAY
        charge.permit(body)
        shop.now("sent a payment, and the same one again 86,400 s later")
        charge.said = kept
        third = await shop.paid(key, body, again)
        await shop.replays(*later, second, kept)
        clock.seconds = start + 2 * DAY - 0.5
        shop.now("sent a payment, again a day later, and again 86,399.5 s after that")
        await shop.replays(key, body, third, "a key that is new again is kept for a day again")
        other = shop.body()
        charge.permit(other)
        charge.permit(failing[1])
        shop.now("sent a payment, and another body with its key 86,400 s later")
        await shop.paid(later[0], other, again)
        shop.now("let charge raise RuntimeError, and sent the payment again 86,400 s later")
        await shop.paid(*failing, again)
        await a_charge_that_takes_long(shop, clock, kept, again)


async def a_charge_that_takes_long(shop, clock, kept, again):
    """The day of a key begins when its charge has ended, if that takes more than a day."""
    charge = shop.charge
    key, body = shop.first()
    charge.held = True
    begin = clock.seconds
    number = len(charge.charges) + 1
    shop.now("sent a payment, whose charge took 90,000 s")
    asked = await shop.sends(key, body)
    charged = await charge.begun(number)
    for after in (DAY - 1, DAY, 90_000):
        clock.seconds = begin + after
        shop.now(f"sent a payment, and the same one {after:,} s later, while it was being charged")
        await shop.pays(key, body, 409, "a key does not expire while its charge is under way")
    await charge.ends(charged)
    first = await shop.answered(asked, "the payment is made in the end")
    shop.has(first, 201, "the payment is made in the end")
    ended = clock.seconds
    charge.held = False
    for after in (3600, DAY - 0.5):
        clock.seconds = ended + after
        shop.now(
            f"let a charge take 90,000 s, and sent the payment again {after:,} s after its end"
        )
        await shop.replays(key, body, first, kept)
    clock.seconds = ended + DAY
    charge.permit(body)
    shop.now("let a charge take 90,000 s, and sent the payment again 86,400 s after its end")
    await shop.paid(key, body, again)


@exercise.check(
    "one payment does not wait for another",
    points=1,
    hints=[
        "A charge is under way, and a payment with another key comes. For what does it wait?",
        "What one request holds while it awaits, all others wait for. Does it have to be held?",
        "Between two awaits nobody else runs, so an entry that is made there needs no lock.",
    ],
    deadline=20.0,
)
async def one_payment_does_not_wait_for_another(answer, draw, variant):
    async with serving(answer, draw) as shop:
        charge = shop.charge
        said = "a payment with another key is charged, and answered, meanwhile"
        key, body = shop.first()
        shop.now("sent a payment")
        first = await shop.paid(key, body)
        charge.held = True
        shop.now("sent several payments, with a key each, while none of them was answered")
        asked = []
        for number in range(2, 8):
            asked.append(await shop.sends(*shop.first()))
            await charge.begun(number, said)
        charge.held = False
        shop.now("sent payments while others were being charged")
        for _ in range(2):
            await shop.paid(*shop.first(), said)
        await shop.replays(key, body, first, "a repeat is answered while others are being charged")
        for charged, each in reversed(list(zip(charge.charges[1:], asked, strict=False))):
            shop.now("let several charges end, the last one first")
            await charge.ends(charged)
            got = await shop.answered(each, said)
            shop.has(got, 201, said)
            assert_bytes(got.body, charged.receipt, "each has its own receipt", charge.did)


@exercise.check(
    "what is no key is refused",
    points=1,
    hints=[
        "Which values has your program taken for a key, and which one has it not found?",
        "The whole value counts: a quote, 1 to 64 letters and digits of ASCII, - or _, a quote. "
        "\\w has the letters of all scripts.",
        "re.fullmatch with [A-Za-z0-9_-]{1,64}, on "
        'self.request.headers.get("Idempotency-Key", ""), which joins two fields with a comma.',
    ],
    deadline=20.0,
)
async def what_is_no_key_is_refused(answer, draw, variant):
    async with serving(answer, draw) as shop:
        said = "a payment without a key is refused with 400, and nothing is charged"
        shop.charge.said = said
        body = shop.body()
        long = shop.key(LONGEST + 1)
        for value in (*NO_KEYS, *MORE_NO_KEYS, long, '"é"'.encode("latin-1"), "é".encode()):
            shop.now(f"sent a payment with Idempotency-Key: {value}")
            await shop.pays(value, body, 400, said)
        for fields in ((), (shop.key(), shop.key())):
            shop.now(f"sent a payment with {len(fields) or 'no'} fields Idempotency-Key")
            await shop.pays(fields, body, 400, said)
        key = shop.key(8)
        for value in ('"a"', '"-_"', shop.key(LONGEST), key, key.swapcase()):
            body = shop.first()[1]
            shop.now(f"sent a payment with Idempotency-Key: {value}")
            said = f"a key has 1 to {LONGEST} letters, digits, - or _, and large ones are others"
            await shop.paid(value, body, said)


@exercise.check(
    "every error is a problem document",
    points=1,
    misconception="defaults-are-the-contract",
    hints=[
        "Which of your errors does Tornado write, and what does a program make of its page?",
        "The handler that the task gives has a write_error for all of them. An error that is kept "
        "needs its body and its type kept, too.",
        "For a failure that is kept, build the bytes by hand: json.dumps of title and status, and "
        "application/problem+json as its Content-Type.",
    ],
    deadline=20.0,
)
async def every_error_is_a_problem_document(answer, draw, variant):
    async with serving(answer, draw) as shop:
        charge = shop.charge
        secret = draw.word()
        key, body = shop.first()
        shop.now("sent a payment without a key")
        await is_problem(shop, await shop.sends((), body), 400)
        charge.held = True
        shop.now("sent a payment, and meanwhile a repeat and another body")
        asked = await shop.sends(key, body)
        charged = await charge.begun(1)
        await is_problem(shop, await shop.sends(key, body), 409)
        await is_problem(shop, await shop.sends(key, shop.body()), 422)
        await charge.ends(charged)
        await shop.answered(asked, "the first payment is made")
        charge.held = False
        for error, status in ((ConnectionRefusedError(secret), 503), (RuntimeError(secret), 500)):
            key, body = shop.first()
            charge.error = error
            shop.now(f"let charge raise {error!r}, and sent a payment")
            got = await is_problem(shop, await shop.sends(key, body), status)
            assert_that(
                secret.encode() not in got.body,
                said="what went wrong inside is not for the client",
                expected=f"a body without {secret!r}",
                got=got.body,
                did=charge.did,
            )
        shop.now(f"let charge raise {error!r}, and sent the payment again")
        await is_problem(shop, await shop.sends(key, body), 500)


async def is_problem(shop, asked, status):
    """The response to come has to be a problem document that says its status; the response."""
    said = "an error is a problem document"
    did = shop.charge.did
    got = await shop.answered(asked, said)
    assert_that(
        got.media_type == PROBLEM,
        said=f"{said}: its Content-Type says what it is",
        expected=f"Content-Type: {PROBLEM}",
        got=f"Content-Type: {got.field('content-type')}, status {got.status}",
        did=did,
    )
    try:
        document = got.json()
    except ValueError as error:
        fail(said, did, "JSON in UTF-8", f"{got.body[:200]!r}: {error}")
    right = (
        isinstance(document, dict)
        and isinstance(document.get("title"), str)
        and type(document.get("status")) is int
        and document["status"] == got.status == status
    )
    expected = f'status {status}, and an object with a "title" and "status": {status}'
    assert_that(right, said, expected, f"status {got.status}, {document}", did)
    return got
