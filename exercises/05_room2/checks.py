"""Checks of the exercise `room2`: the chat of `room`, by one thread and its event loop.

The clients are real ones. Each waits for a line before the next thing happens, so that what is
judged is who hears what, in which order, and who waits for whom. Lines that a client was not asked
about are passed over: each fault has a check of its own.
"""

import asyncio
import itertools

from labsupport.checking import Exercise, Link, Mismatch, assert_bytes, assert_equal, assert_that
from labsupport.checking.asserts import apart, patience
from labsupport.checking.chat import Chat, people, quoted, serving
from labsupport.clock import Deadline

exercise = Exercise(
    "room2",
    title="room2: the same chat by one thread",
    lesson="05b",
    minutes=55,
    kind="stretch",
    entry="async def serve(host, port, stop)",
)

deliver = Exercise(
    "room2.deliver",
    title="room2, the step: a line for everybody, and nobody waits",
    lesson="05b",
    minutes=5,
    kind="stretch",
    entry="deliver(line, outboxes), and the class Outbox as it is given",
)

LONGEST = 4000  # bytes of a line
MOST = 500  # lines for which there is room, of any length
TOO_MANY = 4_000_000  # bytes that may not wait for one client
# More than a client is ever sent without reading, so that no outbox is for both; and less than
# 64 KiB with a nickname of one letter, which a transport always takes.
SHORT_LINES = 6000
BURST = 50  # lines that are on their way at once; an outbox has room for ten times as many
BURSTS = 100  # of the longest lines: 20 MB, more than a system's buffers and an outbox take
LATER = 5  # bursts: half an outbox
SMALL = 4 * 1024  # bytes of a client's receive buffer
AT_ONCE = 49  # clients in the room, beside who watches them: a room has to hold 50
WAVES = (AT_ONCE, *[14] * 14)  # how many come and go together, one group after the other
GENEROUS = 3.0  # seconds that an answer may be late, however busy the machine is

MEANWHILE = (
    "Who has to hear that somebody joins or leaves, and who changes the roster meanwhile?",
    "Every await in a loop over the roster lets others join and leave before it goes on.",
    "Go through the roster without an await, or through a list(...) of it.",
)

chat = Chat(GENEROUS)


# ---- the step ----


async def delivered(answer, draw, most, free):
    """Deliver a line to outboxes of that size; free: for how many lines each has room, by name.

    Returns the line, what deliver returned, and what was and what is in each outbox.
    """
    boxes, old = {}, {}
    for name, room in free.items():
        boxes[name] = await answer.new("Outbox", most)
        old[name] = [f"{number} {draw.word()}\n".encode() for number in range(most - room)]
        for line in old[name]:
            await boxes[name].call("put_nowait", line)
    line = f"{draw.word()}\n".encode()
    call = asyncio.ensure_future(answer.call("deliver", line, boxes))
    done, _ = await asyncio.wait({call}, timeout=GENEROUS * patience.get())
    if not done:
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
        raise Mismatch(
            "deliver waits for nobody",
            did=told(free),
            expected="deliver returns",
            got=f"it was still waiting after {GENEROUS:g} s",
            waited=True,
        )
    result = call.result()
    lines = {name: [] for name in free}
    for name, box in boxes.items():
        for _ in range(await box.call("qsize")):
            lines[name].append(await box.call("get_nowait"))
    return line, result, old, lines


def told(free):
    """What the outboxes had room for, in words."""
    rooms = ", ".join(f"{name} for {room}" for name, room in free.items())
    return f"called deliver(line, outboxes) where there is room for this many lines: {rooms}"


@deliver.check(
    "whoever has room gets the line",
    points=1,
    misconception="one-client-one-exception",
    hints=[
        "One outbox is full, and put_nowait raises. What becomes of the outboxes behind it?",
        "Catch QueueFull for each outbox, inside of the loop, and go on with the next.",
        "for name, outbox in outboxes.items(): try put_nowait, except QueueFull: note the name.",
    ],
    deadline=10.0,
)
async def whoever_has_room_gets_the_line(answer, draw, variant):
    first, full, last = people(draw, 3)
    free = {first: 1, full: 0, last: 2}
    line, _, old, lines = await delivered(answer, draw, 3, free)
    for name in (first, last):
        said = "an outbox that has room gets the line, behind what is in it"
        assert_equal(lines[name], [*old[name], line], said, f"{told(free)}; looked at {name}'s")


@deliver.check(
    "whoever has none is named",
    points=1,
    misconception="the-queue-absorbs-it",
    hints=[
        "An outbox is full. Which three things could you do, and which of them does nobody notice?",
        "put waits, a larger queue hides it, a dropped line is missed. Say who has no room.",
        "except asyncio.QueueFull: left_out.append(name), and return left_out in the end.",
    ],
    deadline=10.0,
)
async def whoever_has_none_is_named(answer, draw, variant):
    one, two, other = people(draw, 3)
    for free in ({one: 0, other: 1, two: 0}, {one: 1, two: 3}, {}):
        _, result, old, lines = await delivered(answer, draw, 3, free)
        full = [name for name, room in free.items() if not room]
        said = "deliver returns the list of the names that had no room, in their order"
        assert_equal(result, full, said, told(free))
        for name in full:
            said = "a full outbox stays as it is"
            assert_equal(lines[name], old[name], said, f"{told(free)}; looked at {name}'s")


# ---- the build ----


@exercise.check(
    "everybody hears the others",
    points=2,
    misconception="recv-is-a-message",
    hints=[
        "What does one read return: a line, a part of one, or several? Who gets which lines?",
        "readuntil waits for a whole line. A line goes to all others, and not to who sent it.",
        "On a join the newcomer gets the sorted names, its own too; the others get `* name joins`.",
    ],
    deadline=15.0,
)
async def everybody_hears_the_others(answer, draw, variant):
    listens, talks = people(draw, 2)
    async with serving(answer) as peer:
        await chat.meet(peer, draw)
    async with serving(answer) as peer:
        listener = await chat.enters(peer, listens)
        talker = await chat.enters(peer, talks)
        texts = [draw.word(), f"  {draw.text(12)}\t ", "", draw.word()]
        did = f"let {talks} say four lines in one piece"
        await talker.send("".join(f"{text}\n" for text in texts).encode())
        for text in texts:
            said = "lines that arrive together are several lines, and keep their order"
            await chat.hears(listener, f"{talks}: {text}", said, did)
    async with serving(answer, Link(to_server={"cut": 1}, seed=draw.seed)) as peer:
        listener = await chat.enters(peer, listens)
        text = draw.text(5)
        did = f"sent the nickname {talks!r} and the line {text!r}, one byte at a time"
        talker = await peer.connect()
        await talker.send(f"{talks}\n{text}\n".encode())
        said = "a line is one line, however its bytes arrive"
        await chat.hears(listener, f"{talks}: {text}", said, did)


@exercise.check(
    "bad input ends one client",
    points=2,
    misconception="bytes-are-text",
    hints=[
        "Which exceptions do readuntil and decode raise, and what do they end?",
        "The stream has a limit: start_server(..., limit=4000) lets readuntil raise "
        "LimitOverrunError as soon as 4,001 bytes have come without a line feed.",
        "Catch both for this client only; it leaves, gets its error line, and then the end.",
    ],
    deadline=20.0,
)
async def bad_input_ends_one_client(answer, draw, variant):
    ann, bob, cas = people(draw, 3)
    whole = draw.word().ljust(LONGEST, ".")
    async with serving(answer) as peer:
        listener = await chat.enters(peer, ann)
        speaker = await chat.enters(peer, bob)
        await chat.hears(
            listener, f"* {bob} joins", "the others are told who joins", f"let {bob} join"
        )
        for name in (ann, bob):
            did = f"sent the nickname {name!r} while a client of that name was in"
            again = await peer.connect()
            await again.send(f"{name}\n".encode())
            await chat.refused(again, "nickname taken", did)
            with apart(
                "Who was refused a nickname leaves. Which nickname does it take along?",
                "Who was refused has no nickname to give back: its client has none.",
                "Note the nickname of a client when it is in the roster, and not before.",
            ):
                await chat.is_alive(speaker, bob, listener, draw, f"{did}; then {bob} spoke", True)
        await chat.no_nicknames(peer, ann, bob)
        long = f"{whole}.".encode()
        for line, error, what in (
            (b"\xff\n", "not UTF-8", r"the line b'\xff\n' as its first one"),
            (b"\xff" + long, "line too long", "a first line that is too long, and not UTF-8"),
        ):
            unnamed = await peer.connect()
            await unnamed.send(line)
            await chat.refused(unnamed, error, f"sent {what}")
        for line, error, what in (
            (b"caf\xe9\n", "not UTF-8", r"the line b'caf\xe9\n'"),
            (b"\xe2\x82\n", "not UTF-8", r"the line b'\xe2\x82\n'"),
            (long, "line too long", f"{LONGEST + 1:,} bytes and no line feed"),
            (b"\xff" + long + b"\n", "line too long", f"{LONGEST + 2:,} bytes and a line feed"),
        ):
            did = f"let {cas} join and send {what}"
            rude = await chat.enters(peer, cas, did)
            await rude.send(line)
            await chat.refused(rude, error, did)
            again = await chat.returns(peer, cas, did)
            said = "who is refused leaves, and the others hear no line of it before"
            await chat.hears(listener, f"* {cas} joins", said, did)
            await chat.hears(listener, f"* {cas} leaves", said, did, next_one=True)
            again.half_close()
            await chat.hears(listener, f"* {cas} leaves", said, did)
            await chat.is_alive(speaker, bob, listener, draw, f"{did}; then {bob} spoke", True)
        did = f"sent a line of {LONGEST:,} bytes"
        await speaker.send(f"{whole}\n".encode())
        await chat.hears(
            listener, f"{bob}: {whole}", f"a line of {LONGEST:,} bytes is passed on", did
        )


@exercise.check(
    "a reset is a leave",
    points=1,
    misconception="one-client-one-exception",
    hints=[
        "Which of your awaits raise ConnectionResetError, and what is not run then?",
        "The read, drain and wait_closed can. Whatever ends a client, the same lines have to run.",
        "finally: out of the roster, tell the others. Only then close, and wait for the close.",
    ],
    deadline=15.0,
)
async def a_reset_is_a_leave(answer, draw, variant):
    ann, bob, cas = people(draw, 3)
    async with serving(answer) as peer:
        listener = await chat.enters(peer, ann)
        speaker = await chat.enters(peer, bob)
        unnamed = await peer.connect()
        await unnamed.send(cas[:1].encode())
        unnamed.reset()
        for unfinished in ("", f"{draw.word()} and"):
            did = f"let {cas} join" + (", send half a line" if unfinished else "") + ", and reset"
            rude = await chat.enters(peer, cas, did)
            if unfinished:
                await rude.send(unfinished.encode())
            rude.reset()
            said = "the others are told that who has reset its connection leaves"
            await chat.hears(listener, f"* {cas} leaves", said, did)
            await chat.is_alive(speaker, bob, listener, draw, f"{did}; then {bob} spoke", True)
        did = f"let {cas} join, reset, and join again under the same nickname"
        conn = await chat.enters(peer, cas, did)
        await chat.is_alive(conn, cas, listener, draw, did)


@exercise.check(
    "a burst costs no reader its place",
    points=2,
    misconception="async-means-parallel",
    hints=[
        "A thousand lines have come with one read. When, between the first and the last of them, "
        "do the tasks run that empty the outboxes?",
        "An await gives the turn only if it waits, and readuntil does not while lines are there.",
        "After each line: await asyncio.sleep(0), which waits for one turn of the loop.",
    ],
    deadline=20.0,
)
async def a_burst_costs_no_reader_its_place(answer, draw, variant):
    talks, others = draw.choice("abcdefgh"), people(draw, 2)
    did = f"let {talks} send {SHORT_LINES:,} short lines in one piece; the others read"
    async with serving(answer) as peer:
        listeners = [await chat.enters(peer, name) for name in others]
        talker = await chat.enters(peer, talks)
        for conn in listeners:
            await chat.hears(conn, f"* {talks} joins", "the others are told who joins", did)
        await talker.send("".join(f"{number}\n" for number in range(SHORT_LINES)).encode())
        for conn in listeners:
            for number in range(SHORT_LINES):
                said = "who reads hears every line, in order, and stays in the room"
                await chat.hears(conn, f"{talks}: {number}", said, did, next_one=True)
        await chat.is_alive(listeners[0], others[0], listeners[1], draw, did)


class Crowded:
    """A room in which one client talks, one reads, and the others do not read."""

    def __init__(self, peer, draw):
        self.peer, self.draw = peer, draw
        self.listens, self.talks, *self.names = people(draw, 5)
        self.did = f"let {self.talks} send lines of {LONGEST:,} bytes, which {self.listens} reads"
        self.sent = []
        self.left = {}  # name -> how many lines were heard before it left
        self.size = len(f"{self.talks}: \n") + LONGEST  # bytes of each line

    async def open(self):
        self.listener = await chat.enters(self.peer, self.listens)
        self.talker = await chat.enters(self.peer, self.talks)

    async def joins(self):
        """The next client that will not read, and its name."""
        name = self.names.pop(0)
        conn = await chat.enters(self.peer, name, receive_buffer=SMALL)
        await chat.hears(
            self.listener, f"* {name} joins", "the others are told who joins", self.did
        )
        self.did += f"; {name} does not read"
        return conn, name

    async def burst(self):
        """Let the talker send some lines, and see that the listener hears them."""
        filling = "." * (LONGEST - 8)
        texts = [f"{len(self.sent) + number:07} {filling}" for number in range(BURST)]
        said = "a client that does not read must not stop what is sent from being read"
        await self.talker.send("".join(f"{text}\n" for text in texts).encode(), said=said)
        for text in texts:
            said = f"{self.listens} hears every line, in order, though others do not read"
            self.sent.append(f"{self.talks}: {text}\n".encode())
            line = await self.heard(said, f"the line {quoted(text)}")
            assert_that(line == self.sent[-1], said, quoted(text), line[:60], self.did)

    async def heard(self, said, wanted):
        """The next line that the listener hears; who leaves before is noted."""
        while True:
            line = await chat.line_from(self.listener, wanted, said, self.did)
            if not (line.startswith(b"* ") and line.endswith(b" leaves\n")):
                return line
            self.left[line.decode().split()[1]] = len(self.sent) - 1


@exercise.check(
    "a slow reader holds up nobody",
    points=3,
    misconception="write-waits-for-the-reader",
    hints=[
        "One client reads nothing. Which task waits in drain, and who waits for that task?",
        "write queues without end, drain waits. Give each client an outbox, and a task that "
        "writes, drains and takes the next line. Who has no room is disconnected.",
        "for name in deliver(line, outboxes): transport.abort(). A close would first send what is "
        "waiting, to somebody who does not read.",
    ],
    deadline=40.0,
)
async def a_slow_reader_holds_up_nobody(answer, draw, variant):
    async with serving(answer) as peer:
        crowd = Crowded(peer, draw)
        await crowd.open()
        alone = answer.held()
        stuck, slow = await crowd.joins()
        while slow not in crowd.left and len(crowd.sent) < BURST * BURSTS:
            await crowd.burst()
        assert_that(
            list(crowd.left) == [slow],
            said="who does not read, and has no room for a line, is disconnected",
            expected=f"{crowd.listens} hears that {slow} leaves",
            got=f"{len(crowd.sent):,} lines, and {slow} is still in",
            did=crowd.did,
        )
        did = f"{crowd.did}, until it left"
        await chat.is_alive(crowd.talker, crowd.talks, crowd.listener, draw, did)
        said = "the connection of who was disconnected ends, also while it does not read"
        await given_back(answer, alone, did, said)
        rest = await chat.ended(stuck, "the connection of who was disconnected ends", did)
        waited = crowd.left[slow] - rest.count(f"{crowd.talks}: ".encode())
        did = f"{did}; then {slow} read what the system had taken"
        with apart(
            "How many bytes are 500 of the longest lines, and how many does your bound leave?",
            "A bound in bytes lies between 2,010,000 and 4,000,000; one in lines is 500 or more.",
        ):
            assert_that(
                waited >= MOST,
                said=f"nobody is disconnected before {MOST} lines wait for it",
                did=did,
                expected=f"at least {MOST} of {crowd.left[slow]:,} lines have not gone out",
                got=f"{waited:,} lines",
            )
            assert_that(
                waited <= TOO_MANY // crowd.size + BURST,
                said=f"more than {TOO_MANY:,} bytes never wait for one client",
                did=did,
                expected=f"at most {TOO_MANY // crowd.size:,} lines of {crowd.size:,} bytes waited",
                got=f"{waited:,} lines",
            )
        await chat.enters(peer, slow)


@exercise.check(
    "what waits is sent before the end",
    points=2,
    misconception="a-task-runs-by-itself",
    hints=[
        "A client has ended its direction, and its outbox is not empty. Who sends that, and who "
        "waits until it is sent?",
        "The task that writes has more to do when the client has left. Await it; then close.",
        "await outbox.put(None) behind the last line, which may wait: only this client's own task "
        "does. Then await the task that writes, writer.close(), await writer.wait_closed().",
    ],
    deadline=40.0,
)
async def what_waits_is_sent_before_the_end(answer, draw, variant):
    async with serving(answer) as peer:
        crowd = Crowded(peer, draw)
        await crowd.open()
        # The first one shows when an outbox is full; that of the second is half full then.
        _, gauge = await crowd.joins()
        for _ in range(LATER):
            await crowd.burst()
        late, name = await crowd.joins()
        rude, other = await crowd.joins()
        missed = len(crowd.sent)
        while gauge not in crowd.left and len(crowd.sent) < BURST * BURSTS:
            await crowd.burst()
        late.half_close()
        did = f"{crowd.did}. Then {name} ended its direction, and later read"
        if name not in crowd.left:
            said = "the others are told who leaves"
            await chat.hears(crowd.listener, f"* {name} leaves", said, did)
        await rude.send(b"." * (LONGEST + 1))
        rudely = f"{crowd.did}. Then {other} sent a line that is too long, and later read"
        if other not in crowd.left:
            with apart("Begin with the check `bad input ends one client`."):
                said = "who is refused leaves"
                await chat.hears(crowd.listener, f"* {other} leaves", said, rudely)
        await crowd.burst()
        said = "who has ended its direction, or is refused, gets what waits for it"
        for conn, how, end in ((late, did, b""), (rude, rudely, b"error: line too long\n")):
            for line in crowd.sent[missed:-BURST]:
                got = b"* "
                while got.startswith(b"* "):  # others have joined or left
                    got = await chat.line_from(conn, f"the line {line[:30]!r}...", said, how)
                assert_that(got == line, said, line[:40], got[:40], how)
            rest = await chat.ended(conn, "and then the end", how)
            for before in (gauge, name):
                rest = rest.removeprefix(f"* {before} leaves\n".encode())
            assert_bytes(rest, end, "who has left hears nothing of what is said later", how)


@exercise.check(
    "two hundred come and go",
    points=2,
    misconception="a-thread-per-client-is-free",
    hints=[
        "Of those who have left: what does your server still have, and which threads did it start?",
        "start_server and its tasks serve all clients by one thread. A connection is closed when "
        "its client has left.",
        "finally: writer.close(), also behind a reset, and in the backlog room for 50 who come at "
        "once: start_server(..., backlog=100).",
    ],
    deadline=40.0,
)
async def two_hundred_come_and_go(answer, draw, variant):
    watcher, *names = people(draw, 1 + sum(WAVES))
    async with serving(answer) as peer:
        watching = await chat.enters(peer, watcher)
        alone = answer.held()
        left = iter(names)
        for size in WAVES:
            group = list(itertools.islice(left, size))
            did = f"let {size} clients join at once"
            conns = await asyncio.gather(*(chat.enters(peer, name, did) for name in group))
            joins = {f"* {name} joins\n".encode() for name in group}
            with apart(*MEANWHILE):
                await chat.hears_all(watching, joins, "everybody who joins is announced", did)
            now = answer.held()
            assert_that(
                (now.threads, now.processes) <= (alone.threads, alone.processes),
                said="one thread serves all clients",
                expected=f"no more than {alone.threads} threads, as with one client",
                got=f"{now.threads} threads, and {now.processes} processes",
                did=did,
            )
            did = f"let {size} clients leave at once, half of them by a reset"
            for number, conn in enumerate(conns):
                if number % 2:
                    conn.reset()
                else:
                    conn.half_close()
            leaves = {f"* {name} leaves\n".encode() for name in group}
            with apart(*MEANWHILE):
                await chat.hears_all(watching, leaves, "everybody who leaves is announced", did)
            for conn in conns[::2]:
                await chat.ended(conn, "who has ended its direction gets the end", did)
                conn.close()
        did = f"let {len(names)} clients join and leave, at most {AT_ONCE} at a time"
        await given_back(answer, alone, did)


async def given_back(answer, before, did, said="a client that has left costs nothing any more"):
    """With them gone it has no more descriptors than before they came."""
    until = Deadline(GENEROUS * patience.get())
    while True:
        last = until.expired
        more = answer.held().descriptors - before.descriptors
        if more <= 0:
            return
        if last:
            raise Mismatch(
                said,
                did=did,
                expected="no more descriptors than before",
                got=f"{more} more",
                waited=True,
            )
        await asyncio.sleep(0.02)


@exercise.check(
    "stop ends everything",
    points=2,
    misconception="cancel-stops-at-once",
    hints=[
        "stop was set while clients are connected and silent. Where do your tasks wait?",
        "server.close() ends the listening only. Keep the task of each client, cancel all of them, "
        "and wait until they have ended: cancel only asks.",
        "await asyncio.gather(*tasks, return_exceptions=True) behind the cancels; and whoever "
        "catches CancelledError raises it again.",
    ],
    deadline=15.0,
)
async def stop_ends_everything(answer, draw, variant):
    ann, bob = people(draw, 2)
    did = "set stop while clients were in, in the middle of a line, and without a nickname"
    async with serving(answer) as peer:
        conns = [await peer.connect()]
        conns.append(await chat.enters(peer, ann))
        conns.append(await chat.enters(peer, bob))
        await conns[-1].send(f"{draw.word()} and".encode())
        conns.append(await peer.connect())
        await conns[-1].send(ann[:1].encode())
        await chat.enters(peer, f"{ann}2")  # whoever has connected before has been accepted
        await peer.stop(did=did)
        for conn in conns:
            await chat.ended(conn, "the connections of all clients end", did)
