"""Checks of the exercise `room`: a chat of one room, over TCP, with threads.

The clients are real ones. Each waits for a line before the next thing happens, so that what is
judged is who hears what, in which order, and who waits for whom. Except in the first check, lines
that a client was not asked about are passed over: each fault has a check of its own.
"""

import asyncio
import contextlib
import itertools

from labsupport.checking import Exercise, Link, Mismatch, assert_bytes, assert_equal, assert_that
from labsupport.checking.asserts import apart, patience
from labsupport.checking.chat import Chat, people, quoted, serving
from labsupport.clock import Deadline

exercise = Exercise(
    "room",
    title="room: a chat that no client can stop",
    lesson="04",
    minutes=65,
    kind="stretch",
    entry="serve(host, port, stop)",
)

outbox = Exercise(
    "room.outbox",
    title="room, the step: an outbox that never waits",
    lesson="04",
    minutes=5,
    kind="stretch",
    entry="class Outbox(most) with put(line), get() and close()",
)

LONGEST = 4000  # bytes of a line
BURST = 100  # lines that are on their way at once; an outbox holds five times as many
BURSTS = 60  # of the longest lines: 24 MB, more than the buffers of a system and an outbox take
AT_ONCE = 49  # clients in the room, beside who watches them: a room has to hold 50
WAVES = (AT_ONCE, *[14] * 14)  # how many come and go together, one group after the other
MOST = 500  # lines in an outbox
WAITING = 250  # lines: half an outbox, since a system does not take the same of any two clients
NARROW = 4 * 1024  # bytes that the buffer of a client takes that does not read
GENEROUS = 5.0  # seconds that an answer may be late, however busy the machine is

chat = Chat(GENEROUS)


# ---- the step ----


async def in_time(call, what, did):
    """What a call returns; fail when it goes on waiting."""
    task = asyncio.ensure_future(call)
    done, _ = await asyncio.wait({task}, timeout=GENEROUS * patience.get())
    if not done:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        got = f"it was still waiting after {GENEROUS:g} s"
        raise Mismatch(f"`{what}` waits", did, f"`{what}` returns", got, waited=True)
    return task.result()


async def filled(answer, draw, most):
    """An outbox of that size with as many lines in it, and the lines."""
    box = await answer.new("Outbox", most)
    lines = [f"{number} {draw.word()}\n".encode() for number in range(most)]
    for line in lines:
        put = await in_time(box.call("put", line), "put", f"put {most} lines, one by one")
        assert_equal(put, True, said="put returns True while there is room", did=f"put {line!r}")
    return box, lines


@outbox.check(
    "put says when it is full",
    points=1,
    misconception="the-queue-absorbs-it",
    hints=[
        "How many lines are in the deque when `most` have been put? Does your put look?",
        "len(self.lines) >= self.most: then put returns False and leaves the lines as they are.",
        "if self.closed or len(self.lines) >= self.most: return False, before the append.",
    ],
    deadline=10.0,
)
async def put_says_when_it_is_full(answer, draw, variant):
    most = draw.integer(2, 4)
    box, lines = await filled(answer, draw, most)
    did = f"put {most} lines into an Outbox({most}), then one more"
    late = draw.word().encode()
    put = await in_time(box.call("put", late), "put", did)
    assert_equal(put, False, said="put returns False at once when the outbox is full", did=did)
    did += ", then took one out and put another"
    first = await in_time(box.call("get"), "get", did)
    assert_equal(first, lines[0], said="get returns the oldest line", did=did)
    put = await in_time(box.call("put", b"last"), "put", did)
    assert_equal(put, True, said="a line that was taken out leaves room for another", did=did)
    left = [await in_time(box.call("get"), "get", did) for _ in range(most)]
    assert_equal(left, [*lines[1:], b"last"], said="what was refused is not in the outbox", did=did)


@outbox.check(
    "what is in it goes out before the end",
    points=1,
    hints=[
        "close was called with lines inside. What does get return next, and after the last one?",
        "The end is a flag, not a line: it needs no room. get returns None when it is set and the "
        "outbox is empty.",
        "return self.lines.popleft() if self.lines else None, after a wait for lines or the end.",
    ],
    deadline=15.0,
)
async def what_is_in_it_goes_out_before_the_end(answer, draw, variant):
    most = draw.integer(2, 4)
    box, lines = await filled(answer, draw, most)
    did = f"filled an Outbox({most}), closed it, and took out everything"
    await in_time(box.call("close"), "close", did)
    out = [await in_time(box.call("get"), "get", did) for _ in range(most)]
    assert_equal(out, lines, said="the lines that were in it come out, in order", did=did)
    for _ in range(2):
        end = await in_time(box.call("get"), "get", did)
        assert_equal(end, None, said="then get returns None, each time", did=did)
    did += ", then put a line"
    put = await in_time(box.call("put", b"late"), "put", did)
    assert_equal(put, False, said="a closed outbox takes no line", did=did)


@outbox.check(
    "close wakes who waits",
    points=1,
    hints=[
        "Two threads wait in get, and close is called in a third. Who tells the two?",
        "wait_for looks again only when somebody notifies the condition. notify wakes one thread.",
        "with self.changed: self.closed = True and self.changed.notify_all().",
    ],
    deadline=15.0,
)
async def close_wakes_who_waits(answer, draw, variant):
    line = draw.word().encode()
    box = await answer.new("Outbox", 3)
    did = "called get on an empty outbox, and put a line meanwhile"
    async with meanwhile(box.call("get")) as (getting,):
        await waiting(answer)
        assert_that(not getting.done(), "get waits while there is nothing", "it waits", "it ended")
        await in_time(box.call("put", line), "put", did)
        got = await in_time(getting, "get", did)
        assert_equal(got, line, said="who waits in get gets the line that is put", did=did)
    did = "called get twice on an empty outbox, and closed it meanwhile"
    async with meanwhile(box.call("get"), box.call("get")) as both:
        await waiting(answer, 2)
        await in_time(box.call("close"), "close", did)
        for getting in both:
            got = await in_time(getting, "get", did)
            assert_equal(
                got, None, said="who waits in get learns that the outbox is closed", did=did
            )


@contextlib.asynccontextmanager
async def meanwhile(*calls):
    """Calls that go on while the block runs; nobody waits for them when it is left."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def waiting(answer, number=1):
    """Let so many calls come to where they wait; those that do not wait have ended soon."""
    until = Deadline(1.0 * patience.get())
    while not until.expired:
        places = await answer.where()
        if len([place for place in places if not place.get("busy")]) >= number:
            return


# ---- the build ----


@exercise.check(
    "everybody hears the others",
    points=2,
    misconception="one-request-per-connection",
    hints=[
        "Which lines does each of the three clients have to get, in which order?",
        "A line goes to all others and not to who sent it. Its text stays as it came.",
        "On a join the newcomer gets the sorted names, its own too; the others get `* name joins`.",
    ],
    deadline=15.0,
)
async def everybody_hears_the_others(answer, draw, variant):
    async with serving(answer) as peer:
        await chat.meet(peer, draw)


@exercise.check(
    "a line in pieces is one line",
    points=1,
    misconception="recv-is-a-message",
    hints=[
        "What does one recv return: a line, a part of one, or several?",
        "Collect bytes for each client until the line feed, and decode whole lines only.",
        '*whole, unfinished = (unfinished + piece).split(b"\\n"), then decode each of `whole`.',
    ],
    deadline=20.0,
)
async def a_line_in_pieces_is_one_line(answer, draw, variant):
    listener_name, name = people(draw, 2)
    text = draw.text(5)
    size = len(f"{name}\n{text}\n".encode())
    said = "a line is one line, however its bytes arrive"
    for cut, pieces in ((1, "one byte at a time"), (size, "a line and its nickname at once")):
        async with serving(answer, Link(to_server={"cut": cut}, seed=draw.seed)) as peer:
            listener = await chat.enters(peer, listener_name)
            talker = await peer.connect()
            did = f"sent the nickname {name!r} and the line {text!r}, {pieces}"
            await talker.send(f"{name}\n{text}\n".encode())
            await chat.hears(listener, f"{name}: {text}", said, did)
    async with serving(answer) as peer:
        listener = await chat.enters(peer, listener_name)
        talker = await chat.enters(peer, name)
        texts = [f"{number} {draw.word()}" for number in range(20)]
        did = "sent 20 lines in one piece"
        await talker.send("".join(f"{text}\n" for text in texts).encode())
        for text in texts:
            said = "lines that arrive together are several lines, and keep their order"
            await chat.hears(listener, f"{name}: {text}", said, did)


@exercise.check(
    "a nickname has one client",
    points=2,
    misconception="the-gil-makes-it-safe",
    hints=[
        "Two clients connect, then both send the same nickname. When do you look whether it is "
        "free, and when do you take it?",
        "Look and take with the lock held, in one piece. And who is refused has no name to give "
        "back when it leaves.",
        "with lock: if name in members: refuse; members[name] = client. Names are 1 to 16 of "
        "a to z, A to Z and 0 to 9.",
    ],
    deadline=20.0,
)
async def a_nickname_has_one_client(answer, draw, variant):
    ann, bob, cas = people(draw, 3)
    async with serving(answer) as peer:
        first = await chat.enters(peer, ann)
        other = await chat.enters(peer, bob)
        await chat.hears(
            first, f"* {bob} joins", "the others are told who joins", f"let {bob} join"
        )
        did = f"sent the nickname {ann!r} while a client of that name was in"
        again = await peer.connect()
        await again.send(f"{ann}\n".encode())
        await chat.refused(again, "nickname taken", did)
        await chat.is_alive(other, bob, first, draw, f"{did}; then {bob} spoke", next_one=True)
        await chat.is_alive(first, ann, other, draw, f"{did}; then {ann} spoke")

        did = f"opened two connections, and sent the nickname {cas!r} on both"
        both = [await peer.connect() for _ in range(2)]
        await chat.enters(peer, f"{cas}2")  # whoever has connected before has been accepted
        for conn in both:
            await conn.send(f"{cas}\n".encode())
        said = "of two clients that want one nickname, one gets it"
        lines = [await chat.line_from(conn, "a line", said, did) for conn in both]
        lines.sort(key=lambda line: not line.startswith(b"error"))
        assert_bytes(lines[0], b"error: nickname taken\n", said=said, did=did)
        assert_that(lines[1].startswith(b"* here:"), said, "'* here:' for the other", lines, did)

        said = "of two clients that want one nickname, one is in"
        await chat.hears(first, f"* {cas} joins", said, did)
        await chat.no_nicknames(peer, ann, bob)
        did = "sent first lines that are no nickname"
        await chat.is_alive(other, bob, first, draw, f"{did}; then {bob} spoke", next_one=True)
        for name in ("x" * 16, "7", ann.upper()):
            await chat.enters(peer, name)


@exercise.check(
    "bytes that are not UTF-8 end one client",
    points=2,
    misconception="bytes-are-text",
    hints=[
        "Which exception does decode raise, and who holds what when it flies?",
        "Decode before you take a lock, catch UnicodeDecodeError in the thread of that client, and "
        "let that client leave.",
        "Tell the others that it leaves, put `error: not UTF-8` into its outbox, close that.",
    ],
    deadline=15.0,
)
async def bytes_that_are_not_utf8_end_one_client(answer, draw, variant):
    ann, bob, cas = people(draw, 3)
    async with serving(answer) as peer:
        listener = await chat.enters(peer, ann)
        speaker = await chat.enters(peer, bob)
        for bad in (b"caf\xe9", "€".encode()[:2]):
            did = f"let {cas} join and send the line {bad!r}"
            rude = await chat.enters(peer, cas)
            await rude.send(bad + b"\n")
            await chat.refused(rude, "not UTF-8", did)
            again = await chat.returns(peer, cas, did)
            said = "who is refused leaves, and the others hear no line of it before"
            await chat.hears(listener, f"* {cas} joins", said, did)
            await chat.hears(listener, f"* {cas} leaves", said, did, next_one=True)
            again.half_close()
            await chat.hears(listener, f"* {cas} leaves", said, did)
            await chat.is_alive(
                speaker, bob, listener, draw, f"{did}; then {bob} spoke", next_one=True
            )
        did = "sent a nickname that is not UTF-8"
        unnamed = await peer.connect()
        await unnamed.send(b"\xff\xfe\n")
        await chat.refused(unnamed, "not UTF-8", did)
        await chat.is_alive(speaker, bob, listener, draw, f"{did}; then {bob} spoke", next_one=True)


@exercise.check(
    "a line has an end",
    points=1,
    misconception="every-line-ends",
    hints=[
        "How much memory does a client cost that never sends a line feed?",
        "Count the bytes before the line feed, also while it has not come: 4,000 are a line, 4,001 "
        "are too many.",
        "if len(unfinished) > 4000: error: line too long. The same for each whole line.",
    ],
    deadline=15.0,
)
async def a_line_has_an_end(answer, draw, variant):
    ann, bob = people(draw, 2)
    whole = draw.word().ljust(LONGEST, ".")
    async with serving(answer) as peer:
        listener = await chat.enters(peer, ann)
        for ending, how in (("", "no line feed"), ("\n", "a line feed")):
            talker = await chat.enters(peer, bob)
            did = f"sent a line of {LONGEST:,} bytes"
            await talker.send(f"{whole}\n".encode())
            said = f"a line of {LONGEST:,} bytes is passed on"
            await chat.hears(listener, f"{bob}: {whole}", said, did)
            did = f"sent {LONGEST + 1:,} bytes and {how}"
            await talker.send(f".{whole}{ending}".encode())
            await chat.refused(talker, "line too long", did)
            said = "who sends a line that is too long leaves, and the others hear nothing of it"
            await chat.hears(listener, f"* {bob} leaves", said, did, next_one=True)
        for ending, how in (("", "no line feed"), ("\n", "a line feed")):
            unnamed = await peer.connect()
            await unnamed.send(b"\xff" + f"{whole}{ending}".encode())
            did = f"sent {LONGEST + 1:,} bytes, not UTF-8, and {how} as the first line"
            await chat.refused(unnamed, "line too long", did)


@exercise.check(
    "a reset is a leave",
    points=2,
    misconception="one-client-one-exception",
    hints=[
        "recv raises ConnectionResetError in the thread of one client. What is still in the room?",
        "Its entry in the roster. Whatever ends a client, the same lines have to be run.",
        "try around the loop of one client, except OSError, and finally: out of the roster, tell "
        "the others, close.",
    ],
    deadline=20.0,
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
            await chat.is_alive(
                speaker, bob, listener, draw, f"{did}; then {bob} spoke", next_one=True
            )
        did = f"let {cas} join, reset, and join again under the same nickname"
        conn = await chat.enters(peer, cas, did)
        await chat.is_alive(conn, cas, listener, draw, did)


@exercise.check(
    "a slow reader holds up nobody",
    points=3,
    misconception="send-is-instant",
    hints=[
        "One client reads nothing. Which thread waits in sendall, and what does it hold?",
        "Give each client an outbox and a thread that empties it. Nobody else sends, and put never "
        "waits. Who has no room for a line is disconnected.",
        "if not client.outbox.put(line): client.connection.shutdown(SHUT_RDWR), which wakes its "
        "two threads; its reader takes it out of the roster, with the lock and not in your loop.",
    ],
    deadline=60.0,
)
async def a_slow_reader_holds_up_nobody(answer, draw, variant):
    talks, listens, slow = people(draw, 3)
    filling = "." * (LONGEST - 8)
    did = f"let {talks} send lines of {LONGEST:,} bytes; {listens} reads them, {slow} reads nothing"
    async with serving(answer) as peer:
        listener = await chat.enters(peer, listens)
        talker = await chat.enters(peer, talks)
        stuck = await chat.enters(peer, slow, receive_buffer=NARROW)
        await chat.hears(listener, f"* {slow} joins", "the others are told who joins", did)
        leaves = f"* {slow} leaves\n".encode()
        heard, left = 0, False
        for burst in range(BURSTS):
            texts = [f"{burst * BURST + number:07} {filling}" for number in range(BURST)]
            said = "a client that does not read must not stop what is sent from being read"
            await talker.send("".join(f"{text}\n" for text in texts).encode(), said=said)
            for text in texts:
                said = f"{listens} hears every line, in order, though {slow} does not read"
                wanted = f"{talks}: {text}\n".encode()
                line = await chat.line_from(listener, f"the line {quoted(text)}", said, did)
                if line == leaves and not left:
                    left = True
                    line = await chat.line_from(listener, f"the line {quoted(text)}", said, did)
                assert_that(line == wanted, said, f"{quoted(text)} of {talks}", line[:60], did)
                heard += not left
            if left:
                break
        assert_that(
            left,
            said=f"who does not read, and has {MOST} lines waiting, is disconnected",
            expected=f"{listens} hears that {slow} leaves",
            got=f"{BURSTS * BURST:,} lines, and {slow} is still in",
            did=did,
        )
        did += f", until {slow} left"
        await chat.is_alive(talker, talks, listener, draw, did)
        gone = await went_out(stuck, talks, heard, f"{did}; then {slow} read")
        await slow_at_the_end(peer, draw, (talker, talks), (listener, slow), gone + WAITING)


async def went_out(conn, talks, heard, did):
    """How many lines have gone out to a client that was disconnected, and lost what waited."""
    rest = await chat.ended(conn, "the connection of who was disconnected ends", did)
    gone = rest.count(f"{talks}: ".encode())
    assert_that(
        heard - gone >= MOST,
        said=f"nobody is disconnected before {MOST} lines wait for it",
        did=did,
        expected=f"at least {MOST} of {heard:,} lines have not gone out",
        got=f"{heard - gone:,} lines",
    )
    return gone


async def slow_at_the_end(peer, draw, talking, listening, number):
    """Two read nothing until they have left, each in its way: what waits for them still comes."""
    (talker, talks), (listener, slow) = talking, listening
    rude = f"{slow}2"
    filling = draw.word().ljust(LONGEST - 8, ".")
    did = f"let {slow} and {rude} join and read nothing, {talks} send {number:,} lines of "
    did += f"{LONGEST:,} bytes, {slow} end its direction, {rude} send a line that is too long, "
    did += "then both read"
    late = {
        name: await chat.enters(peer, name, did, receive_buffer=NARROW) for name in (slow, rude)
    }
    texts = [f"{at:07} {filling}" for at in range(number)]
    heard = 0
    for first in range(0, number, BURST):
        burst = texts[first : first + BURST]
        await talker.send("".join(f"{text}\n" for text in burst).encode())
        said = "the room goes on for the others"
        line, last = b"", f"{talks}: {burst[-1]}\n".encode()
        while line != last:
            line = await chat.line_from(listener, f"the line {quoted(burst[-1])}", said, did)
            heard += line.startswith(f"{talks}: ".encode())
            for name, conn in late.items():
                if line == f"* {name} leaves\n".encode():  # the system took less than of the first
                    await went_out(conn, talks, heard, f"{did}; but {name} was disconnected before")
                    return
    late[slow].half_close()
    await chat.hears(listener, f"* {slow} leaves", "the others are told who leaves", did)
    await late[rude].send(f"{filling.ljust(LONGEST + 1)}\n".encode())
    with apart("Begin with the check `a line has an end`."):
        await chat.hears(listener, f"* {rude} leaves", "who is refused leaves", did)
    with apart(
        "A client leaves, and lines wait for it. Who sends them, and who waits until they are out?",
        "The end of its direction, or an error, closes its outbox and not its connection.",
        "Close the outbox, join the thread that empties it, and then close the connection.",
    ):
        for name, end in ((slow, []), (rude, [b"error: line too long"])):
            said = "who has ended its direction, or is refused, still gets what is in its outbox"
            rest = await chat.ended(late[name], f"{said}, and then the end", did)
            got = [line for line in rest.split(b"\n")[:-1] if not line.startswith(b"* ")]
            assert_that(
                got == [*(f"{talks}: {text}".encode() for text in texts), *end],
                said=said,
                did=did,
                expected=f"{number:,} lines to {name}, in order{', and the error' * len(end)}",
                got=f"{len(got):,} lines, the last one {got[-1][:40] if got else b''!r}",
            )


@exercise.check(
    "two hundred come and go",
    points=2,
    misconception="a-thread-per-client-is-free",
    hints=[
        "Of those who have left: which sockets, which threads does your server still have?",
        "A client has two threads. Both have to end when it leaves, also when its thread waits for "
        "a line to send.",
        "finally: outbox.close(), then join the writer, then close the connection. A pool of "
        "threads must have room for 50 clients.",
    ],
    deadline=60.0,
)
async def two_hundred_come_and_go(answer, draw, variant):
    watcher, *names = people(draw, 1 + sum(WAVES))
    async with serving(answer) as peer:
        watching = await chat.enters(peer, watcher)
        left, full = iter(names), None
        for size in WAVES:
            group = list(itertools.islice(left, size))
            did = f"let {size} clients join at once"
            conns = await asyncio.gather(*(chat.enters(peer, name, did) for name in group))
            joins = {f"* {name} joins\n".encode() for name in group}
            await chat.hears_all(watching, joins, "everybody who joins is announced", did)
            full = full or answer.held()
            did = f"let {size} clients leave at once, half of them by a reset"
            for number, conn in enumerate(conns):
                if number % 2:
                    conn.reset()
                else:
                    conn.half_close()
            leaves = {f"* {name} leaves\n".encode() for name in group}
            await chat.hears_all(watching, leaves, "everybody who leaves is announced", did)
            for number, conn in enumerate(conns):
                if number % 2 == 0:
                    await chat.ended(conn, "who has ended its direction gets the end", did)
                    conn.close()
        did = f"let {len(names)} clients join and leave, at most {AT_ONCE} at a time"
        await given_back(answer, full, did)


async def given_back(answer, full, did):
    """With everybody gone it has no more than it had with as many as were in at once."""
    until = Deadline(GENEROUS * patience.get())
    while True:
        last = until.expired
        now = answer.held()
        more = {
            "threads": now.threads - full.threads,
            "descriptors": now.descriptors - full.descriptors,
        }
        if not any(number > 0 for number in more.values()):
            return
        if last:
            raise Mismatch(
                "a client that has left costs nothing any more",
                did=did,
                expected=f"no more threads and descriptors than with {AT_ONCE} clients in",
                got=" and ".join(f"{n} more {what}" for what, n in more.items() if n > 0),
                waited=True,
            )
        await asyncio.sleep(0.02)


@exercise.check(
    "stop ends everything",
    points=2,
    misconception="daemon-threads-clean-up",
    hints=[
        "stop was set while clients are connected and silent. Where do your threads wait?",
        "A daemon thread is not an ended one. shutdown wakes a recv; on Linux close does not. Then "
        "join.",
        "Keep every connection with its threads, those without a nickname too: shutdown all, then "
        "join all.",
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
        await peer.stop()
        for conn in conns:
            await chat.ended(conn, "the connections of all clients end", did)
