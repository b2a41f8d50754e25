"""Checks of the exercise `interop`: a page of eight sentences, and a chat server that keeps to it.

Here is the second implementation: clients that know the learner's page and nothing of the server.
Each check crosses one sentence. Where the page settles it, the clients follow that reading. Where
it is open they try every reading, since another reader may take any; a server that understands all
of them need not have it settled. The other sentences cannot disturb a check: their settled readings
are followed, and lines that a client was not asked about are passed over. What must *not* come is
seen by what comes instead: a later line, or the end.
"""

import contextlib
import itertools
import re

from labsupport.checking import Exercise, Link, Mismatch, assert_equal, assert_that, fail
from labsupport.checking.asserts import apart
from labsupport.checking.chat import people
from labsupport.checking.showing import show

exercise = Exercise(
    "interop",
    title="interop: a page that two can build from",
    lesson="04",
    minutes=40,
    kind="stretch",
    entry="page() and serve(host, port, stop)",
)

admission = Exercise(
    "interop.admit",
    title="interop, the step: admit a client by anybody's page",
    lesson="04",
    minutes=5,
    kind="stretch",
    entry='admit(nickname, members, page) -> "welcome", "too long" or "taken"',
)

LONGEST = 200  # bytes of a line
GENEROUS = 5.0  # seconds that an answer may be late, however busy the machine is
LEAST, MOST = 4, 40  # what a page may set as the limit of a nickname
SIZE = re.compile(r"([1-9]\d?) (bytes|characters)")
READINGS = {
    1: ("LF", "CRLF"),
    2: ("12 bytes", "12 characters"),  # where it is open; a page sets any number
    3: ("exact", "folded"),
    4: ("end", "again"),
    5: ("others", "all"),
    6: ("sent", "skipped"),
    7: ("dropped", "end"),
    8: ("bye", "silence"),
}
FIRST = "anna"  # no nickname that is drawn begins with a vowel
LETTERS = ("äéñøßж", "語名한ก")  # two and three bytes in UTF-8


# ---- the step ----


def accented(draw, number):
    """So many letters of two bytes in UTF-8."""
    return "".join(draw.choice("äéñøжш") for _ in range(number))


async def admitted(answer, nickname, members, page, wanted, why):
    """What admit says by this page has to be what the page says."""
    got = await answer.call("admit", nickname, members, page)
    did = f"called admit({nickname!r}, {members!r}, {page!r})"
    assert_equal(got, wanted, said=why, did=did)


@admission.check(
    "counts what the page counts",
    points=1,
    misconception="text-is-bytes",
    hints=[
        "How long is 'Zoë' in characters, and how long is it on the wire?",
        "The second word of page[2] says what is counted. A limit is the most that is allowed.",
        'len(nickname) counts characters, len(nickname.encode()) bytes; `unit == "bytes"` decides.',
    ],
)
async def counts_what_the_page_counts(answer, draw, variant):
    half = draw.integer(3, 9)
    limit = 2 * half
    for unit, size in (("bytes", half), ("characters", limit)):
        page = {2: f"{limit} {unit}", 3: "exact"}
        fits, plain = accented(draw, size), draw.word()[:4].ljust(limit, "x")
        why = f"{limit} {unit} are allowed when the page says '{limit} {unit}'"
        for nickname in (fits, plain):
            await admitted(answer, nickname, [], page, "welcome", why)
        why = f"more than {limit} {unit} are too long when the page says '{limit} {unit}'"
        for nickname in (f"{fits}x", f"{plain}x"):
            await admitted(answer, nickname, [], page, "too long", why)


@admission.check(
    "compares as the page compares",
    points=1,
    misconception="the-page-says-enough",
    hints=[
        "Are `Ann` and `ann` one nickname? Whom do you ask?",
        'page[3] is "exact" or "folded". Which names have to be folded: the new one, or all?',
        'With "folded" compare nickname.casefold() with each.casefold() for each of members.',
    ],
)
async def compares_as_the_page_compares(answer, draw, variant):
    name, other = names(draw, 2)
    members = [other, name.capitalize()]
    for reading, again, why in (
        ("exact", "welcome", "'exact': names that differ in case are two names"),
        ("folded", "taken", "'folded': names that differ in case only are one name"),
    ):
        page = {2: "16 bytes", 3: reading}
        await admitted(answer, name.swapcase(), members, page, again, why)
        why = "the nickname of a member is taken"
        await admitted(answer, name.capitalize(), members, page, "taken", why)
        await admitted(answer, f"{name}x", members, page, "welcome", "a new nickname is free")


# ---- the build: the page ----


async def page_of(answer):
    """The learner's page: for each number the reading that it settles. Fails where it is none."""
    with apart():
        page = await answer.call("page")
        check_page(page)
    return page


def check_page(page):
    """Fail unless this is a page."""
    said = "a page is a dict from the number of a sentence to one of its readings"
    numbers = isinstance(page, dict) and all(type(n) is int and n in READINGS for n in page)
    assert_that(numbers, said, "a dict whose keys are numbers from 1 to 8", page, "called page()")
    for number, reading in page.items():
        known = reading in READINGS[number]
        wanted = " or ".join(map(repr, READINGS[number]))
        if number == 2:
            size = SIZE.fullmatch(reading) if isinstance(reading, str) else None
            known = size is not None and LEAST <= int(size[1]) <= MOST
            wanted = f"'N bytes' or 'N characters', N from {LEAST} to {MOST}"
        if not known:
            fail(said, "called page()", f"for sentence {number}: {wanted}", repr(reading))


class Sentence:
    """One sentence of a page in one reading, and what the second implementation did by it."""

    def __init__(self, page, number, reading):
        self.number = number
        self.reading = reading
        self.open = number not in page
        self.ending = {"LF": "\n", "CRLF": "\r\n"}[reading if number == 1 else page.get(1, "LF")]
        which = f"sentence {number}" + (", which is open," if self.open else "")
        self.steps = [f"read {which} as {reading!r}"]
        if number != 1 and 1 not in page:
            self.steps[0] += " and sentence 1 as 'LF'"
        self.common = ""  # what is said in its place of a step that no sentence leaves open

    @property
    def said(self):
        if self.common:
            return self.common
        if self.open:
            return (
                f"sentence {self.number} of your page is open: the second implementation reads "
                f"{self.reading!r} into it, and your server does not"
            )
        return (
            f"sentence {self.number} of your page says {self.reading!r}, and your server does "
            "something else"
        )

    @property
    def did(self):
        return "; ".join(self.steps)

    @contextlib.contextmanager
    def waits_for(self, wanted):
        """Explain by this sentence what comes instead of what is wanted, in words."""
        try:
            yield
        except Mismatch as mismatch:
            mismatch.said, mismatch.did, mismatch.expected = self.said, self.did, wanted
            raise

    def compare(self, got, wanted):
        """Fail, explained by this sentence, unless both are the same."""
        assert_equal(got, wanted, said=self.said, did=self.did)


def sentences(page, number):
    """The sentence as the page settles it; where it is open, in each of its readings."""
    readings = [page[number]] if number in page else READINGS[number]
    return [Sentence(page, number, reading) for reading in readings]


# ---- the build: the second implementation ----


def names(draw, number):
    """So many different nicknames of four letters, which every page allows."""
    return people(draw, number, LEAST)


class Client:
    """A client of the second implementation, which follows one sentence."""

    def __init__(self, conn, sentence):
        self.conn = conn
        self.sentence = sentence

    def line(self, text):
        """That line, in words."""
        return f"the line {text!r}, to {self.conn.who}"

    async def send(self, *lines):
        """Send lines at once."""
        with self.sentence.waits_for("your server reads what is sent"):
            data = "".join(f"{line}{self.sentence.ending}" for line in lines)
            await self.conn.send(data.encode())

    async def next(self, text):
        """The next line has to be this one."""
        with self.sentence.waits_for(self.line(text)):
            line = await self.conn.recv_line(timeout=GENEROUS)
        self.sentence.compare(line, f"{text}\n".encode())

    async def hears(self, text):
        """Read up to this line; others are passed over."""
        wanted, line, before = f"{text}\n".encode(), b"", b""
        with self.sentence.waits_for(self.line(text)):
            while line != wanted:
                before = line
                try:
                    line = await self.conn.recv_line(timeout=GENEROUS)
                except Mismatch as mismatch:
                    if before:
                        mismatch.got = f"{show(before)}, then {mismatch.got}"
                    raise

    async def leaves(self):
        """The end of the stream has to come, or a reset; what came before it."""
        with self.sentence.waits_for("the end of the stream"):
            try:
                return await self.conn.recv_until_eof(timeout=GENEROUS)
            except Mismatch:
                if any(event.kind == "reset" for event in self.conn.trace.events[-2:]):
                    return b""
                raise

    async def ends(self):
        """The end of the stream has to come, and nothing before it."""
        self.sentence.compare(await self.leaves(), b"")


async def knocks(peer, sentence, name):
    """A new client that has sent a nickname."""
    with sentence.waits_for("a connection"):
        client = Client(await peer.connect(who=name), sentence)
    await client.send(name)
    return client


async def enters(peer, sentence, name):
    """A new client that is in, under this nickname."""
    client = await knocks(peer, sentence, name)
    await client.next("welcome")
    return client


@contextlib.asynccontextmanager
async def crossing(answer, page, sentence, link=None):
    """A running server, and a client of it that shows how sentence 1 is kept.

    What is wrong with that is found in each check alike, so that feedback tells it once.
    """
    async with answer.serving(link=link) as peer:
        ending = Sentence(page, 1, page.get(1, "LF") if sentence.number != 1 else sentence.reading)
        ending.steps.append(f"sent the nickname {FIRST!r} and {ending.ending!r}")
        ending.common = "who ends its line by sentence 1, and asks for a free nickname, is let in"
        await enters(peer, ending, FIRST)
        yield peer


async def members(peer, sentence, *nicknames):
    """A client for each of these nicknames, which are free and fit whatever the sentence says."""
    sentence.common = "who asks for a nickname that fits and is free gets `welcome`"
    found = [await enters(peer, sentence, name) for name in nicknames]
    sentence.common = ""
    return found


async def refused(peer, sentence, name, why):
    """A new client that is told why it does not get this nickname."""
    client = await knocks(peer, sentence, name)
    await client.next(why)
    return client


# ---- the build: a check for each sentence ----


@exercise.check(
    "sentence 1: how a client ends a line",
    points=2,
    misconception="my-client-proves-it",
    deadline=40.0,
    hints=[
        "Your own client ends its lines in one way. What does somebody's client do who has only "
        "the page?",
        "Say it in page()[1], or take both: split at the line feed, then take one carriage return "
        "off the end if there is one. strip() takes more than that.",
        'for line in lines: line.removesuffix(b"\\r"). Collect the bytes of a client until the '
        "line feed has come, and decode whole lines.",
    ],
)
async def how_a_client_ends_a_line(answer, draw, variant):
    page = await page_of(answer)
    ann, bob = names(draw, 2)
    for sentence, cut in itertools.product(sentences(page, 1), (None, 1)):
        link = Link(to_server={"cut": cut}, seed=draw.seed) if cut else None
        texts = [draw.text(6), f"  {draw.word()} ", draw.word()]
        async with crossing(answer, page, sentence, link) as peer:
            ending = repr(sentence.ending)
            sentence.steps[1:] = [f"let {bob} and {ann} in, whose lines end with {ending}"]
            listener = await enters(peer, sentence, bob)
            talker = await enters(peer, sentence, ann)
            how = "one byte at a time" if cut else "at once"
            sentence.steps.append(f"sent {len(texts)} lines of {ann}'s {how}")
            await talker.send(*texts)
            for text in texts:
                await listener.next(f"{ann}: {text}")


@exercise.check(
    "sentence 2: how long a nickname may be",
    points=2,
    misconception="text-is-bytes",
    deadline=40.0,
    hints=[
        "Which nickname is long in bytes and short in characters? On which side of your limit does "
        "it fall?",
        "len of what recv returns counts bytes, len of what decode returns characters. The limit "
        "itself is allowed.",
        'For "bytes" compare len(line) before you decode, for "characters" len(line.decode()). '
        "Too long: send `too long`, then close.",
    ],
)
async def how_long_a_nickname_may_be(answer, draw, variant):
    page = await page_of(answer)
    for sentence in sentences(page, 2):
        limit, unit = sentence.reading.split()
        async with crossing(answer, page, sentence) as peer:
            for name in nicknames(draw, int(limit)):
                size = len(name.encode() if unit == "bytes" else name)
                fits = size <= int(limit)
                sentence.steps[1:] = [f"sent the nickname {name!r}, which has {size} {unit}"]
                client = await knocks(peer, sentence, name)
                await client.next("welcome" if fits else "too long")
                if not fits:
                    await client.ends()


def nicknames(draw, limit):
    """Nicknames at a limit and one beyond it, counted in bytes and in characters."""
    found = [draw.word()[:LEAST].ljust(size, "x") for size in (limit, limit + 1)]
    for letters in LETTERS:
        many = "".join(draw.choice(letters) for _ in range(limit))
        whole, rest = divmod(limit, len(letters[0].encode()))
        few = many[:whole] + "abc"[:rest]
        found += [few, f"{few}q", many, f"{many}q"]
    return found


@exercise.check(
    "sentence 3: when a nickname is taken",
    points=2,
    misconception="the-page-says-enough",
    deadline=40.0,
    hints=[
        "`Ann` is in, and `ann` comes. Are they one? A reader of your page has to know.",
        "Decide it in page()[3]. `folded`: compare casefold() of both, and send the nickname as it "
        "came. A nickname is free again before its connection ends.",
        "Keep the roster by a key: the nickname, or its casefold(). Look and enter with the lock "
        "held; take the key out before you close.",
    ],
)
async def when_a_nickname_is_taken(answer, draw, variant):
    page = await page_of(answer)
    first, other = names(draw, 2)
    ann, changed = first.capitalize(), first.capitalize().swapcase()
    for sentence in sentences(page, 3):
        folded = sentence.reading == "folded"
        async with crossing(answer, page, sentence) as peer:
            sentence.steps.append(f"let {ann} and {other} in")
            holder, listener = await members(peer, sentence, ann, other)
            sentence.steps.append(f"asked for {ann!r} again")
            await refused(peer, sentence, ann, "taken")
            sentence.steps[-1] = f"asked for {changed!r}"
            if folded:
                await refused(peer, sentence, changed, "taken")
            else:
                await enters(peer, sentence, changed)
            sentence.steps[-1] = f"let {ann} speak"
            text = draw.word()
            await holder.send(text)
            await listener.hears(f"{ann}: {text}")
            sentence.steps[-1] = f"let {ann} leave, waited for the end, asked for {ann!r}"
            holder.conn.half_close()
            await holder.leaves()
            await enters(peer, sentence, ann)


@exercise.check(
    "sentence 4: what comes behind taken",
    points=2,
    misconception="silent-peers-leave",
    deadline=40.0,
    hints=[
        "One reader waits for the end of the stream, another one for the next nickname. What if "
        "your server waits, too?",
        "`end`: close behind `taken`. `again`: the next line of this client is a nickname, until "
        "one is free.",
        "`again` is a loop around reading a nickname, with a `return` once the stream ends. Who "
        "was refused has no nickname to give back.",
    ],
)
async def what_comes_behind_taken(answer, draw, variant):
    page = await page_of(answer)
    ann, bob = names(draw, 2)
    for sentence in sentences(page, 4):
        async with crossing(answer, page, sentence) as peer:
            sentence.steps.append(f"let {ann} in, and asked for {ann!r} on another connection")
            (listener,) = await members(peer, sentence, ann)
            late = await refused(peer, sentence, ann, "taken")
            if sentence.reading == "end":
                await late.ends()
            else:
                late.conn.half_close()
                await late.leaves()
            sentence.steps.append(f"waited for its end, and asked for {ann!r} on one more")
            with apart(
                "Who was refused leaves. Which nickname does it take along?",
                "Who was refused has no nickname to give back: somebody else has it.",
                "Give a nickname back only where it was entered into the roster.",
            ):
                late = await refused(peer, sentence, ann, "taken")
            if sentence.reading == "end":
                continue
            sentence.steps.append(f"asked there for {ann!r} once more, then for {bob!r}")
            await late.send(ann)
            await late.next("taken")
            await late.send(bob)
            await late.next("welcome")
            text = draw.word()
            sentence.steps.append(f"let {bob} speak")
            await late.send(text)
            await listener.hears(f"{bob}: {text}")


@exercise.check(
    "sentence 5: who gets what is said",
    points=2,
    misconception="my-client-proves-it",
    deadline=40.0,
    hints=[
        "Does your own client show what you type, or what comes back? Another one does the "
        "opposite.",
        "`others`: everybody who is in, but not the sender. `all`: the sender as well.",
        "For each member of the roster: send, unless the page says `others` and it is the sender.",
    ],
)
async def who_gets_what_is_said(answer, draw, variant):
    page = await page_of(answer)
    ann, bob, cas = names(draw, 3)
    for sentence in sentences(page, 5):
        async with crossing(answer, page, sentence) as peer:
            sentence.steps.append(f"let {ann}, {bob} and {cas} in")
            joined = await members(peer, sentence, ann, bob, cas)
            clients = dict(zip((ann, bob, cas), joined, strict=True))
            for speaker in (ann, bob, ann):
                text = draw.word()
                sentence.steps.append(f"let {speaker} say {text!r}")
                await clients[speaker].send(text)
                for name, client in clients.items():
                    if name != speaker or sentence.reading == "all":
                        await client.next(f"{speaker}: {text}")


@exercise.check(
    "sentence 6: what an empty line does",
    points=1,
    misconception="the-page-says-enough",
    deadline=40.0,
    hints=[
        "Somebody presses the return key twice. What do the others see?",
        "`sent`: a nickname, a colon, a space, and nothing behind. `skipped`: no line at all, and "
        "the client stays.",
        "`skipped`: `if not text: continue`, before you send. An empty line is not the end of the "
        "stream: that is recv returning b''.",
    ],
)
async def what_an_empty_line_does(answer, draw, variant):
    page = await page_of(answer)
    ann, bob = names(draw, 2)
    for sentence in sentences(page, 6):
        text = draw.word()
        async with crossing(answer, page, sentence) as peer:
            listener, talker = await members(peer, sentence, bob, ann)
            sentence.steps.append(f"let {ann} send an empty line, then {text!r}")
            await talker.send("", text)
            if sentence.reading == "sent":
                await listener.next(f"{ann}: ")
            await listener.next(f"{ann}: {text}")


@exercise.check(
    "sentence 7: what becomes of an overlong line",
    points=2,
    misconception="the-page-says-enough",
    deadline=40.0,
    hints=[
        "What happens to a line of 201 bytes, and what to the client that sent it?",
        "`dropped`: nobody gets the line, and the client goes on. `end`: the client gets `too "
        "long`, then the end. 200 bytes are allowed, without the line ending.",
        "Compare len(line) with 200 while it is bytes, and behind the take-away of the line "
        "ending. Then `continue`, or send `too long` and leave.",
    ],
)
async def what_becomes_of_an_overlong_line(answer, draw, variant):
    page = await page_of(answer)
    ann, bob, cas = names(draw, 3)
    for sentence in sentences(page, 7):
        whole = accented(draw, 60) + draw.word()
        whole += "." * (LONGEST - len(whole.encode()))
        async with crossing(answer, page, sentence) as peer:
            listener, other, talker = await members(peer, sentence, bob, cas, ann)
            sentence.steps.append(f"let {ann} send a line of {LONGEST} bytes")
            await talker.send(whole)
            await listener.next(f"{ann}: {whole}")
            sentence.steps.append(f"then one of {LONGEST + 1}")
            await talker.send(f"{whole}.")
            if sentence.reading == "end":
                await talker.hears("too long")
                await talker.ends()
                ann, talker = cas, other
            text = draw.word()
            sentence.steps.append(f"let {ann} say {text!r}")
            await talker.send(text)
            await listener.next(f"{ann}: {text}")


@exercise.check(
    "sentence 8: how a session ends",
    points=2,
    misconception="the-page-says-enough",
    deadline=40.0,
    hints=[
        "A client has sent `/quit`, and waits. For what: a word, or the end of the stream?",
        "`bye`: that line, then the end. `silence`: the end, with nothing before it. The others "
        "get nothing, and the nickname is free before the connection ends.",
        'if text == "/quit": take the nickname out of the roster, send `bye` if the page says so, '
        "close, and end the thread.",
    ],
)
async def how_a_session_ends(answer, draw, variant):
    page = await page_of(answer)
    ann, bob = names(draw, 2)
    for sentence in sentences(page, 8):
        async with crossing(answer, page, sentence) as peer:
            listener, leaver = await members(peer, sentence, bob, ann)
            sentence.steps.append(f"let {ann} send '/quit'")
            await leaver.send("/quit")
            if sentence.reading == "bye":
                await leaver.next("bye")
            await leaver.ends()
            text = draw.word()
            sentence.steps.append(f"let {ann} in again, and say {text!r}")
            again = await enters(peer, sentence, ann)
            await again.send(text)
            await listener.next(f"{ann}: {text}")
