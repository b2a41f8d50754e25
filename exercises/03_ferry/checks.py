"""Checks of the exercise `ferry`: a file over UDP, one datagram at a time, and a window at a time.

A check is the other end: it receives what the answer's `send` sends, or sends to its `receive`.
Nothing between the two loses anything, so what is lost, repeated or late is what the check decides
datagram by datagram. Every verdict is about which datagram comes next, not about when. Where
nothing is to be sent again, the check gives the answer a wait that is much longer than the check.
"""

import asyncio
import contextlib
import socket
import sys

from labsupport.checking import (
    AnswerRaised,
    Exercise,
    Mismatch,
    Trace,
    assert_bytes,
    assert_equal,
    assert_that,
    fail,
)
from labsupport.checking.asserts import having, patience
from labsupport.checking.showing import count, show
from labsupport.clock import Deadline


def phrases(variant):
    """What the task says of the letters of the three kinds, and of the length's byte order."""
    sign = "!" if variant.byteorder == "big" else "<"
    letters = (variant.data, variant.end, variant.ack)
    return [
        f"{variant.byteorder}-endian",
        f"which is `{sign}` in struct",
        f'"{sign}cBH"',
        *(f"`{letter}`" for letter in letters),
        *(f'b"{letter}"' for letter in letters),
        f'{variant.data} 0 "hi"',
        f"{variant.end} 1",
        *(f"{variant.ack} {number}" for number in (0, 1)),
    ]


exercise = Exercise(
    "ferry",
    title="ferry: a file over UDP",
    lesson="03",
    minutes=50,
    kind="core",
    entry="send(host, port, data, *, wait, tries) and receive(host, port, *, silence, linger)",
    variant={"data": "D", "end": "E", "ack": "A", "byteorder": "big"},
    variants={
        "data": tuple("DBPT"),
        "end": tuple("EFLS"),
        "ack": tuple("AHMR"),
        "byteorder": ("big", "little"),
    },
    phrases=phrases,
)

accept = Exercise(
    "ferry.accept",
    title="ferry.accept: the receiver's decision",
    lesson="03",
    minutes=5,
    kind="core",
    entry="accept(expected, datagram) -> (payload, expected, ack)",
)

window = Exercise(
    "ferry.window",
    title="ferry.window: several datagrams under way",
    lesson="03",
    minutes=40,
    kind="stretch",
    entry="send_window(host, port, data, *, window, wait, tries)",
)

HOST = "127.0.0.1"
OTHER_HOSTS = ["127.0.0.2"] if sys.platform == "linux" else []  # elsewhere HOST may be the only one
SIZE = 1000  # bytes of the file in one datagram
NEVER = 30.0  # seconds: a wait that no check lasts
SOON = 0.3  # seconds: a wait that a check wants to see the end of
MANY = 50  # tries, where it is not they that are judged
BRIEF = 0.8  # seconds: a silence that a check lasts longer than
ENDED = 5.0  # seconds for a call to end when nothing is left to wait for
REPEATED = 20  # datagrams in a row that may be repetitions of what has its ACK
DRIP = 0.02  # seconds between two datagrams that must not prolong a wait
AT_ONCE = 0.1  # seconds in which most answers to a datagram come, where none is due
UNHEARD = (
    "No datagram of this transfer got a reply. Does your `receive` take a good one for damaged? "
    "The length is {}-endian, and a read has to hold all 1,004 bytes."
)


def letters():
    """The letters of the three kinds, by their names."""
    variant = exercise.variant
    return {"data": variant.data.encode(), "end": variant.end.encode(), "ACK": variant.ack.encode()}


def packed(kind, number, payload=b""):
    """A datagram of the task's format. kind: data, end or ACK."""
    length = len(payload).to_bytes(2, exercise.variant.byteorder)
    return letters()[kind] + bytes([number]) + length + payload


def named(datagram):
    """A datagram in words."""
    kind = next((name for name, letter in letters().items() if letter == datagram[:1]), None)
    if kind is None or len(datagram) < 4:
        return f"{len(datagram)} bytes that are no datagram of the task's format"
    return f"{kind} {datagram[1]}"


def numbered(pieces):
    """The datagrams that carry some pieces, and the end mark."""
    carried = [packed("data", number % 256, piece) for number, piece in enumerate(pieces)]
    return [*carried, packed("end", len(pieces) % 256)]


def cut(data):
    """The datagrams that carry a file which is cut as the task says."""
    return numbered([data[at : at + SIZE] for at in range(0, len(data), SIZE)])


async def ended(call, what, seconds=ENDED, said="", did=""):
    """What a call of the answer returned, or raised; fail when it goes on."""
    done, _ = await asyncio.wait({call}, timeout=seconds * patience.get())
    if not done:
        raise Mismatch(
            said or f"`{what}` goes on when everything has been said",
            did=did,
            expected=f"`{what}` ends",
            got=f"it was still running after {ENDED:g} s",
            waited=True,
        )
    return call.result()


async def gives_up(call, what, said, did):
    """Fail unless a call of the answer ends with ConnectionError."""
    try:
        value = await ended(call, what, said=said, did=did)
    except AnswerRaised as raised:
        if "ConnectionError" in raised.kinds:
            return
        fail(said, did, f"`{what}` raises ConnectionError", f"it raised {raised}")
    fail(said, did, f"`{what}` raises ConnectionError", f"it returned {show(value)}")


def place(answer):
    """An address at which nobody is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as spare:
        spare.bind((HOST, 0))
        address = spare.getsockname()
    answer.ports.add(address[1])
    return address


def none_came(port, said, did):
    """Fail if something waits at a port."""
    came = len(port.waiting())
    assert_that(not came, said, "0 datagrams", count(came, "datagram"), did)


class End:
    """The check's end: a port, and the call of the answer that it talks with.

    The port has a trace of its own: the ladder of a failure shows this transfer only.
    """

    def __init__(self, answer, port, call, what):
        self.answer = answer
        self.port = port
        self.call = call
        self.what = what
        self.peer = None
        """The address of the answer, once something has come from it."""

    def stranger(self, at=(HOST, 0)):
        """Another port, in the same ladder."""
        return self.answer.port("a stranger", trace=self.port.trace, at=at)

    def strangers(self):
        """Another port, and the same port of other hosts."""
        beside = [self.stranger((host, self.port.local[1])) for host in OTHER_HOSTS]
        return [self.stranger(), *beside]

    async def next(self, wanted, said, did=""):
        """The next datagram; fail when none comes, or the call ends or gives up before."""
        try:
            with having(did):
                datagram, self.peer = await self.port.recv(
                    during=self.call, timeout=ENDED, said=said, expected=wanted
                )
        except AnswerRaised as raised:
            self.gave_up(raised, wanted, said, did)
        return datagram

    def gave_up(self, raised, wanted, said, did):
        """Fail since the call has given up, or raise what else it raised."""
        if "ConnectionError" not in raised.kinds:
            raise raised
        fail(said, did, wanted, f"`{self.what}` raised {raised}")

    async def nothing(self, said, did):
        """Nothing is due now. What comes later is seen too, behind what the check does next."""
        try:
            await self.port.silence(AT_ONCE, said=said)
        except Mismatch as mismatch:
            mismatch.did = did
            raise


@contextlib.asynccontextmanager
async def calling(answer, name, *args, **given):
    """A call of the answer; nobody waits for it when the block is left."""
    call = asyncio.ensure_future(answer.call(name, *args, **given))
    try:
        yield call
    finally:
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


# ---- the check receives --------------------------------------------------------------------------


class Receiver(End):
    """The check as the receiver of a file."""

    async def gets(self, datagram, said, did="", old=()):
        """The next datagram has to be this one.

        old: datagrams that may come before it once more, since an ACK crossed a repetition. Each
        gets the ACK that says again what was taken last.
        """
        got = await self.next(named(datagram), said, did)
        for _ in range(REPEATED):
            if got == datagram or got not in old:
                break
            await self.ack(datagram[1] - 1)
            got = await self.next(named(datagram), said, did)
        if got == datagram:
            return
        if got[:4] == datagram[:4]:
            assert_bytes(got, datagram, said="the payload is the next piece of the file", did=did)
        if named(got) == named(datagram):
            first = "high" if exercise.variant.byteorder == "big" else "low"
            said = f"bytes 2 and 3 say how many bytes follow, the {first} byte first"
            assert_bytes(got, datagram, said=said, did=did)
        fail(said, did, named(datagram), named(got))

    async def ack(self, number, note=""):
        """Acknowledge."""
        await self.port.send(packed("ACK", number % 256), self.peer, note=note)

    async def returns(self, did=""):
        """Fail unless the call ends now, and returns nothing."""
        said = f"`{self.what}` returns None when the file is there"
        try:
            assert_equal(await ended(self.call, self.what, did=did), None, said, did)
        except AnswerRaised as raised:
            self.gave_up(raised, "None", said, did)


@contextlib.asynccontextmanager
async def sending(answer, data, name="send", **given):
    """Have the answer send some bytes to the check."""
    port = answer.port(trace=Trace())
    async with calling(answer, name, *port.address, data, **given) as call:
        yield Receiver(answer, port, call, name)


@contextlib.asynccontextmanager
async def sending_early(answer, data, **given):
    """The same, where the check's port opens only after the answer has sent something to it."""
    address = place(answer)
    async with calling(answer, "send", *address, data, **given) as call:
        with contextlib.suppress(TimeoutError):
            await has_socket(answer, call, lambda local: local and local[1])
        await asyncio.wait({call}, timeout=3 * SOON)
        yield Receiver(answer, answer.port(trace=Trace(), at=address), call, "send")


# ---- the check sends -----------------------------------------------------------------------------


class Sender(End):
    """The check as the sender of a file; `peer` is where the answer receives."""

    heard = False
    """Whether anything has come back."""

    async def say(self, datagram, note=""):
        """Send a datagram."""
        await self.port.send(datagram, self.peer, note=note)

    async def acked(self, number, said, did=""):
        """The next datagram has to be this ACK, from the port that the answer was given."""
        peer, wanted = self.peer, packed("ACK", number % 256)
        try:
            got = await self.next(named(wanted), said, did)
        except Mismatch as mismatch:
            if mismatch.waited and not self.heard:
                mismatch.notes.append(UNHEARD.format(exercise.variant.byteorder))
            raise
        self.heard = True
        if got != wanted:
            if got[:2] == wanted[:2]:
                assert_bytes(got, wanted, said="an ACK is a header of 4 bytes", did=did)
            fail(said, did, named(wanted), named(got))
        assert_that(
            self.peer == peer,
            said="an ACK comes from the port that the sender knows",
            did=did,
            expected="the port that `receive` was given",
            got="another one",
        )

    async def carries(self, datagrams, did=""):
        """Send some datagrams, each when the one before has been acknowledged."""
        for datagram in datagrams:
            await self.say(datagram)
            await self.acked(datagram[1], f"{named(datagram)} is the next one: it is taken", did)

    async def returns(self, data, said, did=""):
        """The call has to end now, and to return these bytes."""
        value = await ended(self.call, self.what, did=did)
        if not isinstance(value, bytes):
            assert_equal(value, data, said="`receive` returns the bytes of the file", did=did)
        assert_bytes(value, data, said=said, did=did)


@contextlib.asynccontextmanager
async def receiving(answer, silence=NEVER, linger=0.1, at=None):
    """Have the answer receive from the check; at: where, by default at a place of its own."""
    port, address = answer.port(trace=Trace()), at or place(answer)
    call = calling(answer, "receive", *address, silence=silence, linger=linger)
    async with call as call:
        sender = Sender(answer, port, call, "receive")
        sender.peer = address
        await bound(answer, call, address)
        yield sender


async def bound(answer, call, address):
    """Wait until the answer has a UDP socket on the port, as the system tells it."""
    said = "`receive` binds a UDP socket to the host and port that it is given"
    try:
        if not await has_socket(answer, call, lambda local: local == address):
            call.result()
            fail(said, expected="such a socket", got="it has returned")
    except TimeoutError:
        got = f"there was none within {ENDED:g} s"
        raise Mismatch(said, expected="such a socket", got=got, waited=True) from None


async def has_socket(answer, call, at):
    """Wait until the answer has a UDP socket at such an address; False if it ends before."""
    async with asyncio.timeout(ENDED * patience.get()):
        while not call.done():
            if any(each.kind == "udp" and at(each.local) for each in answer.open_sockets()):
                return True
            await asyncio.wait({call}, timeout=0.005)
    return False


async def drip(call, port, datagrams, to):
    """Send datagrams again and again until the call ends, or has had the time to.

    The first ones are in the ladder, and the others are not.
    """
    for datagram in datagrams:
        await port.send(datagram, to, note="and so on")
    with contextlib.suppress(TimeoutError), port.unrecorded():
        async with asyncio.timeout(ENDED * patience.get()):
            while not call.done():
                for datagram in datagrams:
                    await port.send(datagram, to)
                port.waiting()
                await asyncio.wait({call}, timeout=DRIP)


# ---- the build -----------------------------------------------------------------------------------


@exercise.check(
    "a file of any size",
    points=2,
    misconception="recv-fits-any-datagram",
    hints=[
        "Is it `send` or `receive` that failed, and with how many bytes? Compare what you send and "
        "what you expect with the table of the format, byte by byte.",
        "send: the length is big-endian, which is `!` in struct. range(0, len(data), 1000) gives "
        "where the pieces begin. An empty file has none: the end mark is all that is sent.",
        "receive: the end mark with the expected number completes any file, an empty one too. A "
        "full datagram is 1,004 bytes: recvfrom(2048).",
    ],
    deadline=15.0,
)
async def a_file_of_any_size(answer, draw, variant):
    for size in 0, 2 * SIZE, draw.integer(SIZE + 1, 2 * SIZE - 1):
        did = f"called send with {size:,} bytes, and acknowledged each datagram"
        data = draw.bytes(size)
        async with sending(answer, data, wait=NEVER, tries=2) as receiver:
            for datagram in cut(data):
                said = "pieces of 1,000 bytes, the last one shorter, then the end mark"
                if not data:
                    said = "without data the end mark is the only datagram"
                await receiver.gets(datagram, said, did)
                await receiver.ack(datagram[1])
            await receiver.returns(did)
    for sizes in (), (SIZE, draw.integer(1, 9), SIZE):
        pieces = [draw.bytes(size) for size in sizes]
        lengths = ", ".join(f"{size:,}" for size in sizes)
        did = f"sent pieces of {lengths} bytes, then the end mark" if sizes else "sent the end mark"
        async with receiving(answer) as sender:
            await sender.carries(numbered(pieces), did)
            await sender.returns(b"".join(pieces), "the file is complete", did)


@exercise.check(
    "send: again until the ACK comes",
    points=2,
    misconception="udp-arrives",
    hints=[
        "The datagram was lost. What tells your sender that it did not arrive?",
        "No ACK within `wait` seconds: send the same datagram once more, and wait again, after the "
        "last try too. The end mark is a datagram like the others.",
        "A connected socket raises ConnectionRefusedError, in send and in recv, while nobody has "
        "the peer's port. The datagram is lost then, and the wait goes on.",
    ],
    deadline=15.0,
)
async def again_until_the_ack_comes(answer, draw, variant):
    datagrams = cut(data := draw.bytes(draw.integer(2100, 2900)))
    lost = [2, 0, draw.integer(1, 2), 1]
    did = f"lost the first {lost[0]} of number 0, {lost[2]} of number 2, {lost[3]} of the end mark"
    async with sending(answer, data, wait=SOON, tries=MANY) as receiver:
        for number, datagram in enumerate(datagrams):
            said = f"{named(datagram)} is next: the one before has its ACK"
            await receiver.gets(datagram, said, did, old=datagrams[:number])
            for _ in range(lost[number]):
                said = f"{named(datagram)} has no ACK: nothing else is sent"
                await receiver.gets(datagram, said, did, old=datagrams[:number])
            await receiver.ack(number)
        await receiver.returns(did)
    did = "called send(..., tries=1) with 0 bytes, and acknowledged the end mark"
    async with sending(answer, b"", wait=NEVER, tries=1) as receiver:
        await receiver.gets(packed("end", 0), "the end mark is the only datagram", did)
        await receiver.nothing("the last try has its wait, as every other", did)
        await receiver.ack(0)
        await receiver.returns(did)
    datagrams = cut(data := draw.bytes(draw.integer(100, 900)))
    did = "called send, and opened the receiver's port later"
    async with sending_early(answer, data, wait=SOON, tries=MANY) as receiver:
        for number, datagram in enumerate(datagrams):
            said = "what was sent to nobody is lost, whatever the system reports: it is sent again"
            await receiver.gets(datagram, said, did, old=datagrams[:number])
            await receiver.ack(number)
        await receiver.returns(did)


@exercise.check(
    "receive: each datagram once",
    points=2,
    misconception="udp-once",
    hints=[
        "Your ACK was lost, so the sender sent its datagram again. What is new in it?",
        "A number that is not the expected one brings nothing for the file.",
        "It still needs an ACK: without one the sender repeats it until it gives up.",
    ],
    deadline=10.0,
)
async def each_datagram_once(answer, draw, variant):
    pieces = [draw.bytes(draw.integer(1, 40)) for _ in range(4)]
    datagrams = numbered(pieces)
    said = "its ACK was lost: the receiver says it again"
    did = "lost the ACKs of numbers 1 and 3, and sent both again"
    async with receiving(answer) as sender:
        for number, datagram in enumerate(datagrams):
            await sender.carries([datagram], did)
            for _ in range({1: 1, 3: 2}.get(number, 0)):
                await sender.say(datagram, note="again")
                await sender.acked(number, said, did)
        await sender.returns(b"".join(pieces), "each piece stands in the file once", did)
    said = f"a duplicate breaks the silence too: any undamaged `{variant.data}` of the sender does"
    did = "sent only number 0 for longer than `silence`, again and again, then the others"
    async with receiving(answer, silence=BRIEF) as sender:
        await sender.carries(datagrams[:1], did)
        enough = Deadline(1.25 * BRIEF)
        while not enough.expired:
            await asyncio.sleep(5 * DRIP)  # slow on purpose: nothing is waited for
            await sender.say(datagrams[0], note="again")
            await sender.acked(0, said, did)
        await sender.carries(datagrams[1:], did)
        await sender.returns(b"".join(pieces), "the file is complete", did)


@exercise.check(
    "receive: the next number only",
    points=2,
    misconception="udp-in-order",
    hints=[
        "Number 2 came before number 1. What does the ACK say that you send then?",
        "Only the expected number is taken. Everything else is thrown away, and the ACK repeats "
        "the number that was taken last.",
        "(expected - 1) % 256 is that number, 255 before the first piece. An end mark that comes "
        "early is treated the same way.",
    ],
    deadline=10.0,
)
async def the_next_number_only(answer, draw, variant):
    pieces = [draw.bytes(draw.integer(1, 40)) for _ in range(5)]
    datagrams = numbered(pieces)
    last = 255
    did = "sent datagrams in another order than the file's, old ones late, the end mark early"
    async with receiving(answer) as sender:
        for number in 1, 0, 2, 1, 5, 3, 2, 0, 3, 5, 4, 5:
            note = ""
            if number == (last + 1) % 256:
                said = f"{named(datagrams[number])} is the next one: it is taken"
                last = number
            else:
                note = "late" if last != 255 and number <= last else "early"
                said = f"{named(datagrams[number])} is not the next one: the last ACK once more"
            await sender.say(datagrams[number], note=note)
            await sender.acked(last, said, did)
        await sender.returns(
            b"".join(pieces), "the pieces stand in the order of their numbers", did
        )


@exercise.check(
    "send: knows its own ACK",
    points=2,
    misconception="reply-is-mine",
    hints=[
        "An ACK came. For which datagram?",
        "Compare its number with the number of the datagram that waits. Any other ACK is ignored.",
        "Ignored means: it does not end the wait, and nothing is sent because of it.",
    ],
    deadline=20.0,
)
async def knows_its_own_ack(answer, draw, variant):
    datagrams = cut(data := draw.bytes(draw.integer(1100, 1900)))
    did = "acknowledged other numbers than the one that waits"
    async with sending(answer, data, wait=SOON, tries=MANY) as receiver:
        for number, datagram in enumerate(datagrams):
            said = f"{named(datagram)} is next: the one before has its ACK"
            await receiver.gets(datagram, said, did, old=datagrams[:number])
            others = ((number - 1) % 256, number + 1) if datagram[:1] == letters()["data"] else ()
            for other in others:
                await receiver.ack(other, note="not its own")
                said = f"ACK {other} is not for {named(datagram)}, which waits on"
                await receiver.gets(datagram, said, did, old=datagrams[:number])
            await receiver.ack(number)
        await receiver.returns(did)
    did = "sent an old ACK three times before the right one"
    async with sending(answer, data, wait=NEVER, tries=MANY) as receiver:
        for number, datagram in enumerate(datagrams):
            said = f"nothing but {named(datagram)} is due: an old ACK is no reason to send again"
            await receiver.gets(datagram, said, did)
            for _ in range(3):
                await receiver.ack(number - 1, note="old")
            await receiver.nothing(said, did)
            await receiver.ack(number)
        await receiver.returns(did)


@exercise.check(
    "strangers and damage change nothing",
    points=2,
    misconception="anyone-can-answer",
    hints=[
        "Who sent this datagram, and is it one at all?",
        "recvfrom returns the source. Look at the length, the kind, the length field, the source.",
        "What is damaged, of another kind, or from elsewhere gets no reply, and nothing else "
        "happens either. It is a `D` or an `E` that decides who the sender is.",
    ],
    deadline=15.0,
)
async def strangers_and_damage(answer, draw, variant):
    datagrams = cut(data := draw.bytes(draw.integer(100, 900)))
    async with sending(answer, data, wait=SOON, tries=MANY) as receiver:
        strangers = receiver.strangers()
        await receiver.gets(datagrams[0], "the first datagram is the first piece")
        did = "let strangers acknowledge number 0, one from the same port of another host"
        for stranger in strangers:
            await stranger.send(packed("ACK", 0), receiver.peer)
        await receiver.gets(datagrams[0], "only the receiver's own ACK counts", did)
        did = "sent damaged ACKs of number 0"
        for damaged in damages(packed("ACK", 0)):
            await receiver.port.send(damaged, receiver.peer, note="damaged")
        await receiver.gets(datagrams[0], "a damaged ACK does not count", did)
        did = "sent data 0 and end 0, as a sender does"
        for other in packed("data", 0, b"x"), packed("end", 0):
            await receiver.port.send(other, receiver.peer)
        await receiver.gets(datagrams[0], "what is no ACK does not count as one", did)
        await receiver.ack(0)
        said = "the end mark is next: the piece before has its ACK"
        await receiver.gets(datagrams[1], said, old=datagrams[:1])
        await receiver.ack(1)
        await receiver.returns()

    pieces = [draw.bytes(draw.integer(10, 40)) for _ in range(3)]
    datagrams = numbered(pieces)
    async with receiving(answer) as sender:
        strangers = sender.strangers()
        did = "let strangers send an ACK, before the sender sent anything"
        for stranger in strangers:
            await stranger.send(packed("ACK", 0), sender.peer)
        await sender.carries(datagrams[:1], did)
        did = "let strangers, one on the same port of another host, send the next number and an end"
        for stranger in strangers:
            await stranger.send(packed("data", 1, draw.bytes(20)), sender.peer)
            await stranger.send(packed("end", 1), sender.peer)
        await sender.carries(datagrams[1:2], did)
        for stranger in strangers:
            none_came(stranger, "a stranger gets no reply", did)
        for damaged in damages(datagrams[2]):
            await sender.say(damaged, note="damaged")
        await sender.say(datagrams[2])
        did = f"sent damaged copies of {named(datagrams[2])}, then a good one"
        await sender.acked(2, "what is damaged gets no reply", did)
        none_came(sender.port, "one ACK for one good datagram, and no more", did)
        await sender.carries(datagrams[3:])
        await sender.returns(b"".join(pieces), "the sender's own pieces stand in the file", did)


def damages(datagram):
    """A datagram, damaged: nothing, a part of the header, one byte off, another kind."""
    return [
        b"",
        datagram[:1],
        datagram[:3],
        datagram + b"x",
        *([datagram[:-1]] if len(datagram) > 4 else []),
        b"X" + datagram[1:],
    ]


@exercise.check(
    "after 255 comes 0",
    points=2,
    misconception="sequence-never-wraps",
    hints=[
        "How many numbers are there? What comes after the last one?",
        "The number of piece n is n % 256, and so is what the receiver expects next.",
        "expected = (expected + 1) % 256",
    ],
    deadline=20.0,
)
async def after_255_comes_0(answer, draw, variant):
    datagrams = cut(data := draw.bytes(SIZE * draw.integer(259, 300) - draw.integer(1, 900)))
    did = f"acknowledged each of {len(datagrams)} datagrams"
    async with sending(answer, data, wait=NEVER, tries=2) as receiver:
        for datagram in datagrams:
            await receiver.gets(datagram, "255 is followed by 0", did)
            await receiver.ack(datagram[1])
        await receiver.returns(did)
    pieces = [draw.bytes(990) for _ in range(draw.integer(720, 760))]
    did = f"sent {len(pieces)} pieces of 990 bytes, each when the one before had its ACK"
    async with receiving(answer) as sender:
        await sender.carries(numbered(pieces), did)
        await sender.returns(b"".join(pieces), "the file is complete", did)


@exercise.check(
    "receive: stays for the last ACK",
    points=2,
    misconception="the-last-ack-arrives",
    hints=[
        "The ACK of the end mark was lost. Who answers the sender now?",
        "After the end mark the receiver stays for `linger` seconds and acknowledges what comes.",
        "Nothing of that belongs in the file, whatever its number.",
    ],
    deadline=15.0,
)
async def stays_for_the_last_ack(answer, draw, variant):
    pieces = [draw.bytes(draw.integer(10, 40)) for _ in range(2)]
    datagrams = numbered(pieces)
    said = "the ACK of the end mark was lost: the receiver says it again"
    did = "lost the ACK of the end mark twice, and sent the end mark again"
    async with receiving(answer, linger=1.5) as sender:
        await sender.carries(datagrams)
        for _ in range(2):
            await sender.say(datagrams[-1], note="again")
            await sender.acked(2, said, did)
        did = "sent the next number after the end mark"
        await sender.say(packed("data", 3, b"more"), note="after the end")
        await sender.acked(2, "after the end mark nothing is taken", did)
        await sender.returns(b"".join(pieces), "the end mark ends the file", did)


@exercise.check(
    "gives up on a silent peer",
    points=2,
    misconception="retry-for-ever",
    hints=[
        "Nobody is there any more. After how many tries does your sender say so?",
        "Count the sends of the datagram that waits: `tries` at most, then raise ConnectionError. "
        "The next datagram gets all its tries anew.",
        "receive raises ConnectionError when no `D` or `E` of the sender has come for `silence` "
        "seconds: a part of a file is no file.",
    ],
    deadline=25.0,
)
async def gives_up_on_a_silent_peer(answer, draw, variant):
    datagrams = cut(data := draw.bytes(draw.integer(2100, 2900)))
    tries = draw.integer(3, 5)
    said = "the peer is silent: `send` gives up after its tries"
    did = f"called send(..., wait=0.1, tries={tries}) and never replied"
    async with sending(answer, data, wait=0.1, tries=tries) as receiver:
        await gives_up(receiver.call, "send", said, did)
        came = [named(datagram) for datagram, _ in receiver.port.waiting()]
        assert_equal(came, ["data 0"] * tries, said="each try sends the datagram once", did=did)
    did = "called send(..., tries=4), lost each datagram once, and fell silent at the end mark"
    async with sending(answer, data, wait=SOON, tries=4) as receiver:
        for number, datagram in enumerate(datagrams[:-1]):
            for _ in range(2):
                said = "each datagram has its own tries"
                await receiver.gets(datagram, said, did, old=datagrams[:number])
            await receiver.ack(number)
        said = "nobody acknowledges the end mark: the sender cannot know that the file is there"
        await gives_up(receiver.call, "send", said, did)

    said = "the sender is silent: `receive` gives up"
    async with receiving(answer, silence=SOON) as sender:
        await gives_up(sender.call, "receive", said, "called receive, and sent nothing")
    async with receiving(answer, at=sender.peer) as sender:
        did = "let receive give up, and called it again for the same port"
        await sender.carries(numbered([b"after"]), did)
        await sender.returns(b"after", "a call has nothing to do with the one before", did)
    async with receiving(answer, silence=1.5) as sender:
        await sender.carries(numbered([b"first", b"second"])[:2])
        await gives_up(sender.call, "receive", said, "sent two pieces of a file, then nothing")


@exercise.check(
    "a wait is not prolonged",
    points=2,
    misconception="timeout-is-a-deadline",
    hints=[
        "Datagrams keep coming that change nothing. How long may all of your reads take together?",
        "Fix the moment at which the wait ends. Before each read, set the timeout to what is left.",
        "`linger` begins with the end mark, once. `silence` begins anew with each undamaged `D` or "
        "`E` of the sender, and with nothing else.",
    ],
    deadline=30.0,
)
async def a_wait_is_not_prolonged(answer, draw, variant):
    said = "datagrams that change nothing do not prolong the wait"
    data = draw.bytes(100)
    async with sending(answer, data, wait=SOON, tries=2) as receiver:
        await receiver.gets(cut(data)[0], "the first datagram is the first piece")
        did = f"sent an old ACK every {DRIP} s"
        await drip(receiver.call, receiver.port, [packed("ACK", 255)], receiver.peer)
        await over(receiver, said, did)
    async with receiving(answer, silence=1.5) as sender:
        stranger = sender.stranger()
        await sender.carries(numbered([b"first"])[:1])
        strange = [packed("data", 1, b"strange"), b"?"]
        did = f"sent only ACKs, and a stranger something, every {DRIP} s"
        await asyncio.gather(
            drip(sender.call, stranger, strange, sender.peer),
            drip(sender.call, sender.port, [packed("ACK", 0)], sender.peer),
        )
        await over(sender, said, did)
    async with receiving(answer, linger=0.5) as sender:
        datagrams = numbered([b"first"])
        await sender.carries(datagrams)
        did = f"sent the end mark again every {DRIP} s"
        await drip(sender.call, sender.port, datagrams[1:], sender.peer)
        await over(sender, "`linger` ends, whatever still comes", did)


async def over(end, said, did):
    """Fail unless the call has ended; what came of it is judged elsewhere."""
    with contextlib.suppress(AnswerRaised):
        await ended(end.call, end.what, 0.1, said, did)


# ---- the step ------------------------------------------------------------------------------------


async def decides(answer, expected, datagram, wanted, did, said):
    """Fail unless the answer decides so."""
    got = await answer.call("accept", expected, datagram)
    assert_equal(got, wanted, said=said, did=did)


@accept.check(
    "a duplicate is acknowledged, not taken",
    points=1,
    misconception="udp-once",
    hints=[
        "The sender did not get the ACK. What does it need now, and what is new for the file?",
        "Nothing is new: the payload is None, and `expected` stays.",
        "return None, expected, (expected - 1) % 256",
    ],
)
async def a_duplicate_is_acknowledged(answer, draw, variant):
    expected = draw.integer(10, 200)
    for number in expected - 1, expected - draw.integer(2, 9):
        await decides(
            answer,
            expected,
            packed("data", number, draw.bytes(5)),
            (None, expected, expected - 1),
            f"called accept({expected}, data {number})",
            f"number {number} was taken before; the ACK says what was taken last",
        )


@accept.check(
    "an early one is not taken",
    points=1,
    misconception="udp-in-order",
    hints=[
        "Something is missing before this piece. Where would it stand in the file?",
        "It is not the expected number, so it is treated as a duplicate is.",
        "if number == expected, and not >=",
    ],
)
async def an_early_one_is_not_taken(answer, draw, variant):
    for expected in draw.integer(10, 200), 0:
        number = expected + draw.integer(1, 9)
        await decides(
            answer,
            expected,
            packed("data", number, draw.bytes(5)),
            (None, expected, (expected - 1) % 256),
            f"called accept({expected}, data {number})",
            f"number {expected} is missing; the ACK says what was taken last",
        )


@accept.check(
    "the next one is taken, and 0 follows 255",
    points=1,
    misconception="sequence-never-wraps",
    hints=[
        "Which number comes after 255, when it has one byte?",
        "(number + 1) % 256 counts 254, 255, 0, 1.",
        "return payload, (expected + 1) % 256, number",
    ],
)
async def the_next_one_is_taken(answer, draw, variant):
    for expected in draw.integer(10, 200), 255, 0:
        payload = draw.bytes(5)
        await decides(
            answer,
            expected,
            packed("data", expected, payload),
            (payload, (expected + 1) % 256, expected),
            f"called accept({expected}, data {expected})",
            f"number {expected} is taken, and {(expected + 1) % 256} is expected next",
        )


@accept.check(
    "a damaged one gets no reply",
    points=1,
    misconception="recv-fits-any-datagram",
    hints=[
        "The length field says how many bytes follow. How many did?",
        "No payload, no change, no ACK: (None, expected, None).",
        "Fewer than 4 bytes have no header: look at len(datagram) before you unpack.",
    ],
)
async def a_damaged_one_gets_no_reply(answer, draw, variant):
    expected = draw.integer(10, 200)
    whole = packed("data", expected, draw.bytes(5))
    damaged = [whole[:-1], whole + b"x", whole[:3], b"", letters()["ACK"] + whole[1:]]
    for datagram in damaged:
        await decides(
            answer,
            expected,
            datagram,
            (None, expected, None),
            f"called accept({expected}, {datagram!r})",
            "what is no undamaged data datagram gets no reply",
        )


# ---- the stretch ---------------------------------------------------------------------------------


@window.check(
    "fills its window, and no more",
    points=2,
    misconception="tcp-is-slower",
    hints=[
        "How many datagrams are under way while you wait for an ACK? How many may be?",
        "Send until `window` datagrams have no ACK, then wait.",
        "A round trip carries `window` datagrams then, not one: that, not UDP, makes it quick.",
    ],
    deadline=20.0,
)
async def fills_its_window(answer, draw, variant):
    size = draw.integer(4, 9)
    datagrams = cut(data := draw.bytes(SIZE * 30 - draw.integer(1, 900)))
    did = f"called send_window(..., window={size}) and acknowledged nothing"
    async with sending(answer, data, "send_window", window=size, wait=1.0, tries=MANY) as receiver:
        for number in range(size):
            said = f"{size} datagrams may be under way without an ACK"
            await receiver.gets(datagrams[number], said, did)
        said = f"{size} datagrams have no ACK: nothing new is sent, and after `wait` it goes back"
        await receiver.gets(datagrams[0], said, did)
    did = "called send_window with 0 bytes"
    async with sending(answer, b"", "send_window", window=size, wait=NEVER, tries=2) as receiver:
        await receiver.gets(packed("end", 0), "the end mark is all there is", did)
        await receiver.ack(0)
        await receiver.returns(did)
    did = f"called send_window(..., window={size}), and acknowledged once for each full window"
    async with sending(answer, data, "send_window", window=size, wait=NEVER, tries=2) as receiver:
        for number, datagram in enumerate(datagrams, 1):
            said = f"each round trip carries {size} datagrams, the last one what is left"
            await receiver.gets(datagram, said, did)
            if number % size == 0 or number == len(datagrams):
                await receiver.ack(number - 1)
        await receiver.returns(did)


@window.check(
    "an ACK moves the window",
    points=2,
    misconception="udp-arrives",
    hints=[
        "ACK 0 and ACK 1 were lost, ACK 2 came. What does it say about 0 and 1?",
        "The receiver takes numbers in order only: an ACK covers everything before it.",
        "As many new datagrams as it covers may leave at once, without waiting for the others.",
    ],
    deadline=15.0,
)
async def an_ack_moves_the_window(answer, draw, variant):
    size = draw.integer(5, 9)
    datagrams = cut(data := draw.bytes(SIZE * 40))
    did = f"called send_window(..., window={size}), and lost most of the ACKs"
    covered = came = 0
    async with sending(answer, data, "send_window", window=size, wait=NEVER, tries=2) as receiver:
        while came < 35:
            while came < covered + size:
                said = f"numbers below {covered} are covered: {size} more may be under way"
                await receiver.gets(datagrams[came], said, did)
                came += 1
            covered += draw.integer(1, size - 1)
            await receiver.ack(covered - 1)


@window.check(
    "other ACKs do nothing",
    points=2,
    misconception="reply-is-mine",
    hints=[
        "Who sent this ACK, is it undamaged, and is its number that of a datagram under way?",
        "recvfrom returns the source. (number - first) % 256 is the distance of a number from the "
        "first one without an ACK. How large can it be?",
        "An ACK that is ignored does nothing: it is no reason to send, and the moment at which the "
        "wait ends stays where it is.",
    ],
    deadline=25.0,
)
async def other_acks_do_nothing(answer, draw, variant):
    size = draw.integer(4, 6)
    datagrams = cut(data := draw.bytes(SIZE * 30))
    given = {"window": size, "wait": 1.0, "tries": 2}
    did = f"called send_window(..., window={size}), and acknowledged what is not under way"
    async with sending(answer, data, "send_window", **given) as receiver:
        for datagram in datagrams[:size]:
            await receiver.gets(datagram, "the window is filled", did)
        for number in 255, 200, size, size + 1:
            await receiver.ack(number, note="not under way")
        said = "nothing is covered: nothing new is sent, and after `wait` it goes back"
        await receiver.gets(datagrams[0], said, did)
    did = f"called send_window(..., window={size}); a stranger acknowledged, the receiver did not"
    async with sending(answer, data, "send_window", **given) as receiver:
        stranger = receiver.stranger()
        for datagram in datagrams[:size]:
            await receiver.gets(datagram, "the window is filled", did)
        await stranger.send(packed("ACK", 0), receiver.peer)
        for other in *damages(packed("ACK", 0)), packed("data", 0, b"x"), packed("end", 0):
            await receiver.port.send(other, receiver.peer, note="no ACK")
        said = "only the receiver's own undamaged ACK covers: after `wait` it goes back"
        await receiver.gets(datagrams[0], said, did)
    did = f"called send_window(..., window={size}), and sent an old ACK every {DRIP} s"
    async with sending(answer, data, "send_window", window=size, wait=SOON, tries=2) as receiver:
        for datagram in datagrams[:size]:
            await receiver.gets(datagram, "the window is filled", did)
        await drip(receiver.call, receiver.port, [packed("ACK", 255)], receiver.peer)
        await over(receiver, "an ACK that is ignored does not prolong the wait", did)
    did = f"called send_window(..., window={size}), and repeated old ACKs"
    async with sending(answer, data, "send_window", window=size, wait=NEVER, tries=2) as receiver:
        for start in 0, size, 2 * size:
            for datagram in datagrams[start : start + size]:
                said = "an old ACK is no reason to send again, the ACK of all is one to go on"
                await receiver.gets(datagram, said, did)
            for number in start - 1, start - 1, start - 1, start - 2:
                await receiver.ack(number, note="old")
            await receiver.nothing("an old ACK is no reason to send again", did)
            await receiver.ack(start + size - 1)


@window.check(
    "goes back to what is missing",
    points=2,
    misconception="udp-in-order",
    hints=[
        "The receiver throws away what comes behind a gap. What has to be sent again?",
        "When the wait is over: all that is under way, from the first one without an ACK on.",
        "An ACK that moves the window begins the wait anew.",
    ],
    deadline=20.0,
)
async def goes_back(answer, draw, variant):
    size = draw.integer(4, 7)
    datagrams = cut(data := draw.bytes(SIZE * 30))
    did = f"called send_window(..., window={size}), and lost number {size}"
    given = {"window": size, "wait": 1.0, "tries": MANY}
    async with sending(answer, data, "send_window", **given) as receiver:
        for datagram in datagrams[:size]:
            await receiver.gets(datagram, "the window is filled", did)
        await receiver.ack(size - 1)
        said = "the first window is covered: the second one follows"
        for datagram in datagrams[size : 2 * size]:
            await receiver.gets(datagram, said, did, old=datagrams[:size])
        for datagram in datagrams[size : 2 * size]:
            said = f"number {size} is missing: the window is sent again from there, in order"
            await receiver.gets(datagram, said, did)
        await receiver.ack(2 * size - 1)
        for datagram in datagrams[2 * size : 3 * size]:
            said = "the second window is covered: the third one follows"
            await receiver.gets(datagram, said, did, old=datagrams[size : 2 * size])
    wait = 2.0 * patience.get()
    did = f"called send_window(..., window={size}, wait={wait:g}), and sent an ACK each 0.4 waits"
    given = {"window": size, "wait": wait, "tries": MANY}
    *pieces, end = cut(data := draw.bytes(SIZE * (size - 1)))
    async with sending(answer, data, "send_window", **given) as receiver:
        for piece in pieces:
            await receiver.gets(piece, "the window has room for the whole file", did)
        for number in range(3):
            await asyncio.wait({receiver.call}, timeout=0.4 * wait)
            again = [named(datagram) for datagram, _ in receiver.port.waiting() if datagram != end]
            said = "an ACK that covers begins the wait anew: nothing is sent again"
            assert_that(not again, said, "no piece", ", ".join(again), did)
            await receiver.ack(number)


@window.check(
    "the window passes 255",
    points=1,
    misconception="sequence-never-wraps",
    hints=[
        "Numbers 254, 255, 0 and 1 are under way, and ACK 0 comes. How many does it cover?",
        "Compare distances from the first one without an ACK, modulo 256, never the numbers.",
        "covered = (number - first) % 256 + 1, if that is not more than are under way.",
    ],
    deadline=20.0,
)
async def the_window_passes_255(answer, draw, variant):
    size = draw.integer(20, 40)
    datagrams = cut(data := draw.bytes(SIZE * 340))
    did = f"called send_window(..., window={size}) with 340 pieces, and covered window by window"
    async with sending(answer, data, "send_window", window=size, wait=NEVER, tries=2) as receiver:
        for number, datagram in enumerate(datagrams[:300]):
            said = f"{named(datagram)} is next"
            if number % size == 0 and number:
                await receiver.ack(number - 1)
                said = f"ACK {(number - 1) % 256} covers the window before {named(datagram)}"
            await receiver.gets(datagram, said, did)


@window.check(
    "gives up after its rounds",
    points=1,
    misconception="retry-for-ever",
    hints=[
        "How many waits in a row pass in vain before your sender gives up?",
        "`tries` waits, and the end of the last one raises ConnectionError: the window was sent "
        "`tries` times.",
        "An ACK that covers something begins the count anew.",
    ],
    deadline=15.0,
)
async def gives_up_after_its_rounds(answer, draw, variant):
    size, tries = draw.integer(3, 6), draw.integer(2, 4)
    data = draw.bytes(SIZE * 10)
    said = "the peer is silent: `send_window` gives up after its tries"
    did = f"called send_window(..., window={size}, wait=0.1, tries={tries}) and never replied"
    given = {"window": size, "wait": 0.1, "tries": tries}
    async with sending(answer, data, "send_window", **given) as receiver:
        await gives_up(receiver.call, "send_window", said, did)
        came = [datagram[1] for datagram, _ in receiver.port.waiting()]
        once = list(range(size))
        assert_equal(came, once * tries, said="each try sends the whole window once", did=did)
    datagrams = cut(data := draw.bytes(SIZE * 4))
    did = "called send_window(..., window=1, tries=4), and lost each datagram once"
    given = {"window": 1, "wait": SOON, "tries": 4}
    async with sending(answer, data, "send_window", **given) as receiver:
        for number, datagram in enumerate(datagrams):
            for _ in range(2):
                said = "each ACK gives the next datagram all tries anew"
                await receiver.gets(datagram, said, did, old=datagrams[:number])
            await receiver.ack(number)
        await receiver.returns(did)
