"""Checks of the exercise `ask`: question and reply over UDP.

The client is met by a port of the check, which loses, repeats and forges datagrams as it likes. To
keep each exchange the same on every run, the wait before a second try is long wherever tries are
not what the check is about. The server is met by several clients, and the work that it does for
them is a stand-in, which counts.
"""

import asyncio
import sys
from contextlib import asynccontextmanager

from labsupport.checking import (
    AnswerRaised,
    Exercise,
    Mismatch,
    StandIn,
    assert_bytes,
    assert_equal,
    assert_that,
    fail,
)
from labsupport.checking.asserts import patience
from labsupport.checking.showing import count, show
from labsupport.clock import Deadline

HUSH = b"hush"  # a question to which the answer is empty
LOUD = b"loud"  # a question to which the answer is as long as one may be
QUOTES = (("`", "`"), ('b"', '"'), ("b'", "'"))  # around the letters in the task and in hints
HEADER = 5  # bytes: the letter and the id
MOST = 1200  # bytes of a question or an answer
LONG = 30.0  # seconds to the second try, where there is to be none
GENEROUS = 3.0  # seconds that an answer may be late, however busy the machine is
STRANGERS = {"127.0.0.1": "another port"}  # host, and what a stranger there is
if sys.platform == "linux":  # elsewhere not every 127.x.y.z leads to this machine
    STRANGERS["127.0.0.2"] = "the same port of another host"

cache = Exercise(
    "ask.cache",
    title="ask, the step: remember what was answered",
    lesson="03",
    minutes=3,
    kind="core",
    entry="class Cache(room) with get(client, number) and put(client, number, answer)",
)


def phrases(variant):
    """What the task says of the letters with which questions and replies begin."""
    letters = (variant.question, variant.reply)
    quoted = [f"{before}{each}{quote}" for each in letters for before, quote in QUOTES]
    return [*quoted, " or ".join(letters)]


exercise = Exercise(
    "ask",
    title="ask: question and reply over UDP",
    lesson="03",
    minutes=40,
    kind="core",
    entry="class Asker(host, port, wait, tries) and serve(host, port, stop, handle, room)",
    variant={"question": "Q", "reply": "R"},
    variants={"question": tuple("QCGKPV"), "reply": tuple("RBTWYZ")},
    phrases=phrases,
)


def a_question(number, body):
    """The datagram of a question with this id."""
    return exercise.variant.question.encode() + number + body


def a_reply(number, body):
    """The datagram of a reply to the question with this id."""
    return exercise.variant.reply.encode() + number + body


# ---- the step ----


def a_client(draw):
    """The address of a client."""
    return "127.0.0.1", draw.integer(1024, 65535)


@cache.check(
    "knows an answer by client and id",
    points=1,
    misconception="retry-is-harmless",
    hints=[
        "Each client chooses its ids by itself. What if two choose the same?",
        "What tells a repeated question from a new one: its id, or its id and its client?",
        "A tuple can be a key: self.answers[client, number].",
    ],
)
async def knows_an_answer_by_client_and_id(answer, draw, variant):
    first, second = a_client(draw), a_client(draw)
    number = draw.integer(0, 2**32 - 1)
    words = [draw.word().encode() for _ in range(2)] + [b""]
    remembered = await answer.new("Cache", 10)
    said = "an answer belongs to the client and the id with which it was put, to nothing else"
    questions = [(first, number), (second, number), (first, number ^ 1)]
    for question, word in zip(questions, words, strict=True):
        did = f"called get{question}, for which nothing was put"
        assert_equal(await remembered.call("get", *question), None, said, did)
        await remembered.call("put", *question, word)
    for question, word in zip(questions, words, strict=True):
        did = "put three answers, the last of them empty, and asked for each"
        assert_equal(await remembered.call("get", *question), word, said, did)


@cache.check(
    "forgets the oldest",
    points=1,
    misconception="udp-once",
    hints=[
        "How many answers does your cache hold after a million questions?",
        "When there are more than `room`, one has to go. Which one is asked for least likely?",
        "A dict keeps the order of insertion: next(iter(self.answers)) is the oldest key.",
    ],
)
async def forgets_the_oldest(answer, draw, variant):
    room, client = draw.integer(3, 6), a_client(draw)
    word = draw.word().encode()
    remembered = await answer.new("Cache", room)
    for number in range(room + 2):
        await remembered.call("put", client, number, word)
        await remembered.call("get", client, 0)  # which makes it no newer
    assert_equal(
        [await remembered.call("get", client, number) for number in range(room + 2)],
        [None, None] + [word] * room,
        said="a cache holds as many answers as it has room for, those that were put last",
        did=f"put {room + 2} answers into a Cache({room}), asked for the first one after each, "
        "and then for all, the oldest first",
    )


# ---- the client ----


class Asking:
    """An Asker of the answer, and the port that it asks."""

    def __init__(self, port, asker):
        self.port = port
        self.asker = asker
        self.call = None

    def ask(self, question, deadline=LONG):
        """Begin to ask."""
        self.call = asyncio.ensure_future(self.asker.call("ask", question, deadline))

    async def question(self, note="", said="`ask` sends its question"):
        """The next datagram: it, its id, and its source."""
        datagram, source = await self.port.recv(
            during=self.call, said=said, expected="a question", note=note
        )
        letter = exercise.variant.question
        assert_that(
            datagram[:1] == letter.encode() and len(datagram) >= HEADER,
            "a question has the form that the task gives",
            expected=f"{letter}, 4 bytes of id, the question",
            got=datagram,
        )
        return datagram, datagram[1:HEADER], source

    async def returns(self, wanted, said, did=""):
        """Wait for the answer that ask returns, which is in the client's socket by now."""
        await asyncio.wait({self.call}, timeout=GENEROUS * patience.get())
        if not self.call.done():
            raise Mismatch(said, did, show(wanted), "ask waits on", waited=True)
        try:
            got = await self.call
        except AnswerRaised as raised:
            if "TimeoutError" not in raised.kinds:
                raise
            gave_up = Mismatch(said, did, show(wanted), str(raised))
            gave_up.notes.append(f"In your answer:\n{raised.traceback}")
            raise gave_up from None
        assert_bytes(got, wanted, said=said, did=did)

    async def times_out(self, seconds, did, drip=None):
        """Wait for the end of ask at its deadline; meanwhile call drip ten times a second."""
        said = "`ask` raises TimeoutError at its deadline, whatever has come until then"
        late = Deadline((seconds + GENEROUS) * patience.get())
        while not self.call.done() and not late.expired:
            if drip is not None:
                await drip()
            await asyncio.wait({self.call}, timeout=0.1 if drip else late.left())
        if not self.call.done():
            expected, got = f"an end after {seconds:g} s", f"no end {GENEROUS:g} s after that"
            raise Mismatch(said, did, expected, got, waited=True)
        try:
            value = await self.call
        except AnswerRaised as raised:
            if "TimeoutError" not in raised.kinds:
                raise
        else:
            fail(said, did, expected="TimeoutError", got=value)


@asynccontextmanager
async def asking(answer, *, wait=LONG, tries=2):
    """A port, and an Asker that asks it; a call that goes on at the end is not waited for."""
    port = answer.port()
    yield Asking(port, await answer.new("Asker", *port.address, wait=wait, tries=tries))


@exercise.check(
    "asks and returns the answer",
    points=1,
    misconception="recv-fits-any-datagram",
    hints=[
        "How long was the answer that was sent, and what came of it? 0 bytes are an answer too.",
        "A read of a datagram returns what fits, and the rest is gone. As to an empty answer: a "
        "test such as `if answer` takes it for none.",
        "Read with room for the largest datagram, recvfrom(65535), and ask `is not None`.",
    ],
)
async def asks_and_returns_the_answer(answer, draw, variant):
    async with asking(answer) as its:
        for question, reply in ((draw.word().encode(), MOST), (b"", 0), (draw.bytes(MOST), 3)):
            told = draw.bytes(reply)
            its.ask(question)
            datagram, number, source = await its.question()
            did = f"asked a question of {len(question)} bytes, and gave an answer of {reply} bytes"
            said = f"{variant.question}, the id, then the question"
            assert_bytes(datagram, a_question(number, question), said=said, did=did)
            await its.port.send(a_reply(number, told), source)
            said = (
                "`ask` returns all of the answer" if told else "`ask` returns an empty answer too"
            )
            await its.returns(told, said, did=did)


@exercise.check(
    "asks again when a datagram is lost",
    points=1,
    misconception="udp-arrives",
    hints=[
        "Nothing came back. Was the question lost, or the reply? Can the client tell?",
        "When the wait is over and no reply is there, send the same datagram again.",
        "One turn of a loop for each try: send, then read until the reply or the end of its wait.",
    ],
)
async def asks_again_when_a_datagram_is_lost(answer, draw, variant):
    lost = draw.integer(4, 5)
    told = draw.word().encode()
    async with asking(answer, wait=0.05, tries=8) as its:
        its.ask(draw.word().encode())
        await its.question("lost")
        for turn in range(lost):
            note = "lost" if turn + 1 < lost else ""
            _, number, source = await its.question(note, "`ask` sends its question again")
        await its.port.send(a_reply(number, told), source)
        await its.returns(
            told,
            said="`ask` returns the answer that comes in the end",
            did=f"lost {lost} datagrams and answered the next one",
        )


@exercise.check(
    "sends the same datagram again",
    points=1,
    misconception="retry-is-harmless",
    hints=[
        "The question arrived, and its reply was lost. What does the server make of the next try?",
        "The server knows a question by its id. What does a try with a new id look like to it?",
        "Make the datagram once, before the loop over the tries.",
    ],
)
async def sends_the_same_datagram_again(answer, draw, variant):
    async with asking(answer, wait=0.05, tries=4) as its:
        its.ask(draw.word().encode())
        first, *_ = await its.question("its reply is lost")
        for _ in range(2):
            again, *_ = await its.question("again", said="`ask` sends its question again")
            said = "each try is the same datagram, id and all"
            assert_bytes(again, first, said, did="took a question, and let its reply be lost")


@exercise.check(
    "ends at its deadline, and not before",
    points=2,
    deadline=15.0,
    misconception="timeout-is-a-deadline",
    hints=[
        "When does one call of ask end? Count the tries, and what each of them waits.",
        "The deadline is one moment for the whole call. No wait goes beyond it, and the wait after "
        "the last try goes up to it: that reply may still be on its way.",
        "Fix ends = time.monotonic() + deadline once. A wait is for ends - time.monotonic() at "
        "most, and after the last try for exactly that.",
    ],
)
async def ends_at_its_deadline_and_not_before(answer, draw, variant):
    async with asking(answer, wait=0.05, tries=1) as its:
        its.ask(b"how late?")
        _, number, source = await its.question()
        await asyncio.wait({its.call}, timeout=0.5)  # until it gives up, or long after its wait
        told = draw.word().encode()
        await its.port.send(a_reply(number, told), source, note="late")
        did = "let the wait after the only try pass, and replied then, long before the deadline"
        await its.returns(told, said="after the last try `ask` still waits", did=did)
    deadline = 0.5
    for wait, silent in ((LONG, True), (0.05, True), (0.4, False)):
        async with asking(answer, wait=wait, tries=50) as its:
            its.ask(draw.word().encode(), deadline)
            _, number, source = await its.question()
            other = a_question(bytes(byte ^ 0xFF for byte in number), b"")

            async def drip(port=its.port, other=other, source=source):
                with port.unrecorded():
                    await port.send(other, source)

            if not silent:
                await its.port.send(other, source, note="no reply, and so on")
            did = f"called ask with a deadline of {deadline} s, and "
            did += "said nothing" if silent else "sent datagrams that are no replies all the time"
            await its.times_out(deadline, did, None if silent else drip)


@exercise.check(
    "asks a bounded number of times, ever more slowly",
    points=2,
    deadline=10.0,
    misconception="retry-for-ever",
    hints=[
        "A server that is overloaded gets each question again. What does that do to its load?",
        "Count the tries, and double the wait after each. When no try is left, listen on.",
        "for left in reversed(range(tries)): send, wait, wait *= 2. After the last one: no more.",
    ],
)
async def asks_a_bounded_number_of_times(answer, draw, variant):
    async with asking(answer, wait=0.05, tries=3) as its:
        its.ask(b"how often?")
        for _ in range(3):
            await its.question("lost", said="`ask` tries as often as it may")
        await its.port.silence(1.0, said="3 tries are 3 datagrams, however long no reply comes")
    async with asking(answer, wait=0.1, tries=8) as its:
        its.ask(b"how slowly?", 1.0)
        await its.times_out(1.0, "said nothing for 1 s")
        sent = len(its.port.waiting(note="lost"))
        assert_that(
            sent <= 4,
            "each wait is twice the one before",
            did="said nothing for 1 s to an Asker with a first wait of 0.1 s",
            expected="at most 4 datagrams: after 0, 0.1, 0.3 and 0.7 s",
            got=f"{sent} datagrams",
        )


@exercise.check(
    "takes the reply to this question only",
    points=2,
    misconception="reply-is-mine",
    hints=[
        "A reply came while ask waited. To which question?",
        "Each question needs an id that none before it had; the reply brings it back.",
        "while True: read; if the 4 bytes of the id are not those that were sent, read on.",
    ],
)
async def takes_the_reply_to_this_question_only(answer, draw, variant):
    first, second = draw.word().encode(), draw.word().encode()
    async with asking(answer) as its:
        its.ask(b"first")
        _, old, source = await its.question()
        await its.port.send(a_reply(old, first), source)
        await its.port.send(a_reply(old, first), source, note="again")
        await its.returns(first, said="`ask` returns the first answer")
        its.ask(b"second")
        _, number, source = await its.question()
        await its.port.send(a_reply(old, first), source, note="late")
        await its.port.send(a_reply(number, second), source)
        await its.returns(
            second,
            said="`ask` returns the answer to the question that it asked",
            did="replied to the first question three times, once of them after the second",
        )
    unanswered, brief, numbers = 1, 0.3, []
    async with asking(answer, wait=2.0, tries=1) as its:
        for turn in range(4):
            silent = turn == unanswered
            its.ask(draw.word().encode(), brief if silent else LONG)
            said = "`ask` sends its question, also when the one before has timed out"
            _, number, source = await its.question("no reply" if silent else "", said)
            numbers.append(number)
            if silent:
                await its.times_out(brief, f"called ask with a deadline of {brief} s")
                continue
            await its.port.send(a_reply(number, first), source)
            said = "`ask` returns the answer, also when the question before has timed out"
            await its.returns(first, said, did="let the second of four questions time out")
    assert_that(
        len(set(numbers)) == len(numbers),
        said="each question gets an id of its own, which none before it had",
        expected="4 different ids",
        got=" ".join(number.hex() for number in numbers),
        did="took four questions one after another, and let the second time out",
    )


@exercise.check(
    "takes a reply from nobody else",
    points=2,
    misconception="anyone-can-answer",
    hints=[
        "Who sent the datagram that your program took for the reply? recvfrom tells.",
        "A source is a host and a port. Which of the two differs here?",
        "Go on waiting when source != the address that you asked; or connect the socket.",
    ],
)
async def takes_a_reply_from_nobody_else(answer, draw, variant):
    told = draw.word().encode()
    for host, where in STRANGERS.items():
        async with asking(answer) as its:
            port = 0 if host == its.port.local[0] else its.port.local[1]
            stranger = answer.port("a stranger", at=(host, port))
            its.ask(b"who?")
            _, number, source = await its.question()
            await stranger.send(a_reply(number, b"forged"), source)
            await its.port.send(a_reply(number, told), source)
            await its.returns(
                told,
                said="`ask` returns what came from the address that it asked",
                did=f"had {where} send a reply with the right id first",
            )


@exercise.check(
    "ignores what is no reply",
    points=1,
    misconception="anyone-can-answer",
    hints=[
        "Which datagrams are replies at all? What does your program do with the others?",
        "A datagram can be empty, or end within the id. Know its length before you take it apart.",
        "One test is enough: data[:5] == b'R' + id. It is false for all that is too short.",
    ],
)
async def ignores_what_is_no_reply(answer, draw, variant):
    told = draw.word().encode()
    async with asking(answer) as its:
        its.ask(b"what?")
        datagram, number, source = await its.question()
        reply = variant.reply.encode()
        for garbage in (
            b"", reply, reply + number[:3], datagram, reply.lower() + number, b"\xff" * 40
        ):  # fmt: skip
            await its.port.send(garbage, source, note="garbage")
        await its.port.send(a_reply(number, told), source)
        await its.returns(
            told,
            said="`ask` waits for the reply, whatever comes before it",
            did="sent an empty datagram, cut ones, the question itself, then the reply",
        )


# ---- the server ----


class Handle(StandIn):
    """What the server does for a question: it counts, so that no two answers are equal, has
    nothing to say to HUSH, and all that an answer may hold to LOUD."""

    exposed = ("__call__",)

    def __init__(self):
        self.asked = []

    def __repr__(self):
        return "handle"

    def __call__(self, question):
        self.asked.append(question)
        if question == HUSH:
            return b""
        said = b"%d: " % len(self.asked) + question[:40]
        return said.ljust(MOST, b".") if question == LOUD else said


class Restless(Handle):
    """Work during which the next question arrives, so that the server never waits for one."""

    def __init__(self):
        super().__init__()
        self.next = None
        self.thrice = asyncio.Event()

    async def __call__(self, question):
        answer = super().__call__(question)
        await self.next(len(self.asked))
        if len(self.asked) == 3:
            self.thrice.set()
        return answer


def served(answer, handle, room=100):
    """The answer's serve with this handle."""
    return answer.serving_datagrams("serve", handle, room)


async def put_to(peer, client, number, question, note=""):
    """Send a question to the server; the body of its reply."""
    await client.send(a_question(number, question), peer.address, note=note)
    said = "`serve` replies to a question"
    said += " that comes again: the reply may be lost" if note == "again" else ""
    reply, _ = await client.recv(said=said, expected="a reply")
    said = f"a reply begins with {exercise.variant.reply} and the id of its question"
    assert_bytes(reply[:HEADER], a_reply(number, b""), said=said)
    return reply[HEADER:]


@exercise.check(
    "serve: runs until stop is set",
    points=2,
    deadline=10.0,
    misconception="connect-gives-up-soon",
    hints=[
        "Where does your server wait, and what wakes it there: a datagram, stop, or both?",
        "recvfrom needs a timeout, or it waits for ever. A timeout says that nothing has come yet: "
        "go on. And look at stop before each read, not only after a timeout.",
        "sock.settimeout(0.1); while not stop.is_set(): try recvfrom, on TimeoutError continue.",
    ],
)
async def runs_until_stop_is_set(answer, draw, variant):
    async with served(answer, Handle()) as peer:
        client = peer.client()
        await put_to(peer, client, draw.bytes(4), draw.word().encode())
        await client.silence(1.5, said="`serve` sends nothing but replies")
        await peer.stop(did="asked one question, nothing more for 1.5 s, and set stop")
    handle = Restless()
    async with served(answer, handle) as peer:
        client = peer.client()

        async def ask(number):
            with client.unrecorded():
                await client.send(a_question(number.to_bytes(4, "big"), b"?"), peer.address)

        handle.next = ask
        await ask(0)
        await asyncio.wait({asyncio.create_task(handle.thrice.wait())}, timeout=GENEROUS)
        await peer.stop(did="set stop, while one question came after the other without a pause")


@exercise.check(
    "serve: a repeated question is handled once",
    points=2,
    misconception="retry-is-harmless",
    hints=[
        "The client asked again because the reply was lost. What has the server done by then?",
        "Remember the reply to each question, and send it again when the question comes again.",
        "A question is known by the client's address and its id: the Cache of the step does that. "
        "An empty reply is remembered too: None is none, b'' is an answer.",
    ],
)
async def a_repeated_question_is_handled_once(answer, draw, variant):
    handle = Handle()
    number, question = draw.bytes(4), draw.word().encode()
    async with served(answer, handle) as peer:
        one, other = peer.client("one"), peer.client("another")
        first = await put_to(peer, one, number, question)
        assert_bytes(
            first, b"1: " + question, said="the reply carries what handle returned", did="asked"
        )
        for _ in range(2):
            assert_bytes(
                await put_to(peer, one, number, question, "again"),
                first,
                said="a question that comes again gets the same reply again",
                did="sent one question several times",
            )
        assert_bytes(
            await put_to(peer, one, number, b"another", "again"),
            first,
            said="the id says which question it is, whatever stands behind it",
            did="sent other bytes with the id of a question that was answered",
        )
        called(handle, 1, "sent one id four times")
        assert_bytes(
            await put_to(peer, other, number, b"mine"),
            b"2: mine",
            said="another client's question is another question, though its id is the same",
            did="sent a question with the same id from another port",
        )
        for note in ("", "again"):
            await put_to(peer, other, bytes(4), HUSH, note)
        called(handle, 3, "sent three questions, the third of them twice; its answer is empty")
        for note in ("", "again"):
            assert_bytes(
                await put_to(peer, other, b"loud", LOUD, note),
                b"4: loud".ljust(MOST, b"."),
                said="the reply carries all that handle returned",
                did=f"sent a question whose answer has {MOST} bytes",
            )
        busy = peer.client("a third")
        for _ in range(5):
            await asyncio.sleep(0.22)  # slow on purpose: nothing is waited for
            await put_to(peer, busy, draw.bytes(4), b"?")
        assert_bytes(
            await put_to(peer, one, number, question, "again"),
            first,
            said="a reply is remembered, however long ago it was made",
            did="sent a question again more than a second later, and questions of others between",
        )


def called(handle, times, did):
    """Fail unless handle was called so many times."""
    said, got = "`handle` is called once for each question", count(len(handle.asked), "call")
    assert_that(got == count(times, "call"), said, count(times, "call"), got, did)


@exercise.check(
    "serve: forgets the oldest replies",
    points=1,
    misconception="udp-once",
    hints=[
        "Your server runs for a year. How many replies does it remember then?",
        "room is the number of replies, of all clients together. Which one goes when it is full?",
        "Give your Cache this room, and let put drop its oldest reply when there are more.",
    ],
)
async def forgets_the_oldest_replies(answer, draw, variant):
    handle, room = Handle(), draw.integer(11, 13)
    async with served(answer, handle, room) as peer:
        one, other = peer.client("one"), peer.client("another")
        told = []
        for at in range(room + 1):
            if at == room:  # the oldest comes again, which makes it no newer
                await put_to(peer, one, bytes(4), b"?", "again")
            client, number = (one, other)[at % 2], at.to_bytes(4, "big")
            told.append((client, number, await put_to(peer, client, number, b"?")))
        for client, number, before in reversed(told[1:]):
            assert_bytes(
                await put_to(peer, client, number, b"?", "again"),
                before,
                said="the replies that were made last are remembered, as many as there is room for",
                did=f"asked {room} questions with room for {room}, the oldest again, one more, "
                "then the newest again",
            )
        client, number, _ = told[0]
        assert_bytes(
            await put_to(peer, client, number, b"?", "again"),
            b"%d: ?" % (room + 2),
            said="no more replies are remembered than there is room for",
            did=f"asked {room + 1} questions with room for {room}, then the oldest again",
        )


@exercise.check(
    "serve: ignores what is no question",
    points=1,
    misconception="anyone-can-answer",
    hints=[
        "Anybody can send anything to a UDP port. What did your server do with it?",
        "Test the letter and the length before you take a datagram apart, and go on with the next.",
        "if len(data) < 5 or data[:1] != b'Q': continue.",
    ],
)
async def ignores_what_is_no_question(answer, draw, variant):
    handle, number = Handle(), draw.bytes(4)
    async with served(answer, handle) as peer:
        client = peer.client()
        letter = variant.question.encode()
        for garbage in (b"", letter, letter + number[:3], a_reply(number, b"?"), b"\xff" * 40):
            await client.send(garbage, peer.address, note="garbage")
        assert_bytes(
            await put_to(peer, client, number, b""),
            b"1: ",
            said="only questions are handled and replied to, and an empty one is one",
            did="sent datagrams that are no questions, then an empty question",
        )
