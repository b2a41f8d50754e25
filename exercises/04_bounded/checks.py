"""Checks of the exercise `bounded`: a threaded server with places for so many clients.

Who waits for whom is seen in what is accepted and answered while somebody else holds a place. Where
time is not the subject a client has a minute for its line, so that a slow machine changes nothing.
"""

import asyncio
import contextlib

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
from labsupport.checking.asserts import apart, having, patience
from labsupport.clock import Deadline

exercise = Exercise(
    "bounded",
    title="bounded: a place for so many clients, and no more",
    lesson="04",
    minutes=40,
    kind="core",
    entry="serve(host, port, stop, places, seconds)",
)

place = Exercise(
    "bounded.place",
    title="bounded, the step: give the place back",
    lesson="04",
    minutes=3,
    kind="core",
    entry="attend(connection, room, handle)",
)

MINUTE = 60  # seconds for a line: longer than any check
LINE = 1.5  # seconds for a line where they are to pass
DRIP = 0.1  # seconds between two bytes of a client that is slow on purpose
PATIENT = 5.0  # seconds that a waiting client waits at most
ALONE = 0.6  # seconds without a client
LONGEST = 1000  # bytes of a line before its line feed
BACKLOG = 20  # clients for whom there has to be room in the backlog
ROUNDS = 20  # exchanges after which a thread that was woken before them has had its turn


# ---- the step ----


class Noted(StandIn):
    """Something whose calls are noted, in their order, in a list that others share."""

    def __init__(self, notes):
        self.notes = notes


class Connection(Noted):
    """A connection that can be closed."""

    exposed = ("close", "__enter__", "__exit__")

    def close(self):
        self.notes.append("closed the connection")


class Room(Noted):
    """A semaphore of which one place is taken."""

    exposed = ("release",)

    def release(self):
        self.notes.append("released the place")


class Handle(Noted):
    """A handler that returns or raises."""

    exposed = ("__call__",)

    def __init__(self, notes, error):
        super().__init__(notes)
        self.error = error

    def __call__(self, connection):
        self.notes.append("called handle")
        if self.error is not None:
            raise self.error


@place.check(
    "gives the place back in every case",
    points=1,
    misconception="one-client-one-exception",
    hints=[
        "handle raises. Which of your lines are still run?",
        "try ... finally: what stands under finally is run in every case.",
        "try: handle(connection), finally: connection.close() and then room.release().",
    ],
)
async def gives_the_place_back_in_every_case(answer, draw, variant):
    errors = (None, ConnectionResetError(104, "reset by peer"), ValueError("a bug"))
    for error in errors:
        notes = []
        kind = "" if error is None else type(error).__name__
        did = f"called attend with a handle that {f'raised {kind}' if kind else 'returned'}"
        said = "whatever handle does, the connection is closed, and then its place is free"
        try:
            await answer.call("attend", Connection(notes), Room(notes), Handle(notes, error))
        except AnswerRaised as raised:
            if kind not in raised.kinds:  # what handle raises may leave attend, or not
                with apart(
                    "Which line of attend raised it, and what does that line call?",
                    "The place is taken already: call handle, close and release, and nothing else.",
                ):
                    fail(
                        said,
                        did,
                        f"{kind}, or nothing raised" if kind else "nothing raised",
                        f"{raised}",
                    )
        in_order = apart(
            "handle returned. Which calls came then, and in which order?",
            "handle(connection), then connection.close(), then room.release(): each once.",
        )
        with contextlib.nullcontext() if kind else in_order:
            wanted = ["called handle", "closed the connection", "released the place"]
            assert_equal(notes, wanted, said, did)


# ---- the build ----


async def exchange(conn, draw, said="a line is answered with the same line in upper case"):
    """Send a line and read the reply to it."""
    word = draw.word()
    await conn.send(f"{word}\n".encode())
    reply = await conn.recv_line(said=said, timeout=PATIENT)
    assert_bytes(reply, f"{word.upper()}\n".encode(), said=said, did=f"sent the line {word}")


async def seated(peer, draw, number, said="there is a place, and its client is served"):
    """Open that many connections, each of which has got a reply and stays."""
    conns = []
    for _ in range(number):
        conns.append(await peer.connect())
        await exchange(conns[-1], draw, said)
    return conns


def accepted(answer, peer):
    """How many connections to its port the answer has open: accepted, and not yet closed."""
    return sum(
        each.kind == "tcp"
        and each.remote is not None
        and each.local is not None
        and each.local[1] == peer.port
        for each in answer.open_sockets()
    )


async def keeps_waiting(answer, peer, draw, seats, did):
    """While these hold all places and are served, no other connection is accepted."""
    for _ in range(ROUNDS):
        for conn in seats:
            await exchange(conn, draw, said="who has a place is served while others wait")
        now = accepted(answer, peer)
        assert_that(
            now <= len(seats),
            said="while all places are taken, nobody else is accepted",
            did=did,
            expected=f"at most {len(seats)} accepted connections",
            got=f"{now} accepted connections",
        )


AT_THE_END = (
    "The client has ended its direction: recv returned b''. What does your program do?",
    "Leave the client's function, and close the connection on every way out of it.",
    "with connection: around all that is done with it.",
)


async def let_go(conn, said):
    """Read the end of a connection; where not all was read that it sent, a reset is its end."""
    try:
        got = await conn.recv(said=said)
    except Mismatch as mismatch:
        if mismatch.waited:
            raise
        got = b""
    assert_that(got == b"", said, expected="the end of the connection", got=got)


@exercise.check(
    "answers every line",
    points=1,
    misconception="recv-is-a-message",
    hints=[
        "How many lines came with one recv, and how many did you answer?",
        "Keep what comes behind a line feed: it is the beginning of the next line.",
        r"line, end, rest = data.partition(b'\n'); without end, read on; then data = rest.",
    ],
)
async def answers_every_line(answer, draw, variant):
    first, second, third = (draw.word().encode() for _ in range(3))
    odd = bytes(each for each in range(256) if each != ord("\n"))
    longest = draw.word().ljust(LONGEST, "x").encode()
    async with answer.serving("serve", 1, MINUTE) as peer:
        peer.assert_own_address()
        conn = await peer.connect()
        await conn.send(first + b"\n" + second + b"\n\n" + third[:2])
        wanted = first.upper() + b"\n" + second.upper() + b"\n\n"
        said = "each line that is complete gets its reply at once"
        assert_bytes(
            await conn.recv_exactly(len(wanted), said=said),
            wanted,
            said=said,
            did="sent two lines, an empty one and the beginning of a fourth with one send",
        )
        await conn.send(third[2:] + b"\n")
        said = "the pieces of a line belong together"
        assert_bytes(
            await conn.recv_line(said=said),
            third.upper() + b"\n",
            said=said,
            did="sent the rest of the fourth line",
        )
        await conn.send(odd + b"\n")
        with apart(
            "Compare the bytes that came with those that were sent. Which ones changed?",
            "A line is bytes. As text it need not be UTF-8, and upper() changes more than a to z.",
            "line.upper() on bytes changes a to z and nothing else: leave decode out.",
        ):
            assert_bytes(
                await conn.recv_line(),
                odd.upper() + b"\n",
                said="a line can have any bytes, and only a to z change",
                did="sent a line of every byte but the line feed",
            )
        hasty = await peer.connect()  # its line and its end are there when it gets a place
        await hasty.send(first + b"\n")
        hasty.half_close()
        conn.half_close()
        with apart(*AT_THE_END):
            assert_bytes(
                await conn.recv_until_eof(said="who ends its direction is let go"),
                b"",
                said="after the last line there is nothing more",
                did="ended its direction",
            )
        said = "who ends its direction at once gets its reply too, and then the end"
        with having("sent a line, and ended its direction at once; then it got a place"):
            with apart(
                "A line and the end of the stream are there. Which of them do you look for first?",
                "Answer the lines that you have; recv returns b'' behind the last byte.",
            ):
                assert_bytes(await hasty.recv_line(said=said), first.upper() + b"\n", said)
            with apart(*AT_THE_END):
                assert_bytes(await hasty.recv_until_eof(said=said), b"", said)
        with apart(
            "How many bytes does the line have, and what did your program count?",
            "The limit is for one line without its line feed, not for all that has come.",
            "Take each line out first, then compare len(line), and the rest behind the last one.",
        ):
            conn = await peer.connect()
            await conn.send(first + b"\n" + longest + b"\n")
            wanted = first.upper() + b"\n" + longest.upper() + b"\n"
            said = f"a line of {LONGEST:,} bytes and its line feed is answered"
            with having(f"sent a short line, and one of {LONGEST:,} bytes, with one send"):
                assert_bytes(await conn.recv_exactly(len(wanted), said=said), wanted, said)
            await conn.send(second + b"\n" + longest + b"x\n")
            with having(f"sent a short line, and one of {LONGEST + 1:,} bytes, with one send"):
                said = "the lines before one that is too long get their replies"
                assert_bytes(await conn.recv_line(said=said), second.upper() + b"\n", said)
                await let_go(conn, said=f"whose line has more than {LONGEST:,} bytes is let go")


@exercise.check(
    "serves others while one is slow",
    points=2,
    deadline=15.0,
    misconception="silent-peers-leave",
    hints=[
        "Two clients hold places and say nothing more. Who waits for them?",
        "Each client needs a thread of its own that waits for it, without a lock.",
        "threading.Thread(target=attend, args=(connection,)).start(), then accept the next.",
    ],
)
async def serves_others_while_one_is_slow(answer, draw, variant):
    async with answer.serving("serve", 3, MINUTE) as peer:
        await peer.connect()
        (halfway,) = await seated(peer, draw, 1)
        await halfway.send(b"half a li")
        third = await peer.connect()
        with having("let one client stay silent and one stop in the middle of a line, of 3 places"):
            for _ in range(ROUNDS):
                said = "a client with a place is served, whatever others do"
                await exchange(third, draw, said)


@exercise.check(
    "lets the others wait in the backlog",
    points=3,
    deadline=20.0,
    misconception="the-queue-absorbs-it",
    hints=[
        "All places are taken, and one more client connects. Does your program call accept?",
        "What you have accepted is yours to serve. Who shall wait stays in the backlog.",
        "Take a place first: room.acquire(), and only then listener.accept().",
    ],
)
async def lets_the_others_wait_in_the_backlog(answer, draw, variant):
    places, served = draw.integer(2, 4), draw.integer(3, 6)
    async with answer.serving("serve", places, MINUTE) as peer:
        seats = await seated(peer, draw, places)
        waiting = []
        for _ in range(BACKLOG):
            with apart(
                f"{len(waiting)} clients wait. For how many is there room in your backlog?",
                f"socket.create_server((host, port), backlog={BACKLOG}), or more.",
            ):
                conn = await peer.connect(said=f"{BACKLOG} clients can wait in the backlog")
            await conn.send(f"number {len(waiting)}\n".encode())
            waiting.append(conn)
        did = f"let {places} clients take the {places} places, then connected {BACKLOG} more"
        await keeps_waiting(answer, peer, draw, seats, did)
        for number, conn in enumerate(waiting[:served]):
            seats.pop(0).close()
            said = "when a client leaves, the one that has waited longest gets its place"
            reply = await conn.recv_line(said=said, timeout=PATIENT)
            assert_bytes(reply, f"NUMBER {number}\n".encode(), said=said, did="closed one of them")
            seats.append(conn)
            await keeps_waiting(answer, peer, draw, seats, did)


@exercise.check(
    "gives back what a client cost",
    points=1,
    deadline=15.0,
    misconception="a-thread-per-client-is-free",
    hints=[
        "A client has left. Which of the threads and sockets that it cost are still there?",
        "A thread ends when its function returns. What does yours wait for?",
        "Close the connection, give the place back, and return from the thread's function.",
    ],
)
async def gives_back_what_a_client_cost(answer, draw, variant):
    places, visits = 3, draw.integer(4, 6)
    async with answer.serving("serve", places, MINUTE) as peer:
        await asyncio.sleep(ALONE)  # so that it waits for a client several times, and none comes
        with (
            having(f"let it wait {ALONE} s for a client, then connected {places} at once"),
            apart(
                "Nobody came for a while. What did your program take before each accept?",
                "accept raised TimeoutError: the place that was taken for it goes to nobody.",
                "except TimeoutError: room.release(), and then the next try.",
            ),
        ):
            said = "where nobody came, no place is lost"
            seats = await seated(peer, draw, places, said)
        most = answer.held()
        for _ in range(visits):
            for conn in seats:
                conn.close()
            seats = await seated(peer, draw, places)
        try:
            async with asyncio.timeout(PATIENT * patience.get()):
                while any(now > then for now, then in zip(answer.held(), most, strict=True)):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            now = answer.held()
            raise Mismatch(
                "clients that have left cost nothing any more",
                did=f"let {places} clients come and go {visits} times, and {places} come again",
                expected=f"at most {most.threads} threads and {most.descriptors} descriptors, as "
                "the first time",
                got=f"{now.threads} threads and {now.descriptors} descriptors",
                waited=True,
            ) from None


@exercise.check(
    "gives the place back when a client breaks off",
    points=2,
    deadline=25.0,
    misconception="one-client-one-exception",
    hints=[
        "A client reset its connection. Which exception came, and which lines did it skip?",
        "What has to happen in every case stands under finally, or in a with block.",
        "Give the place back in one line under finally, once, after the connection is closed.",
    ],
)
async def gives_the_place_back_when_a_client_breaks_off(answer, draw, variant):
    places = draw.integer(2, 3)
    async with answer.serving("serve", places, MINUTE) as peer:
        said = "there is a place again when clients have broken off"
        for number in range(3 * places):
            with having(f"let {number} clients break off, of {places} places; another one came"):
                (rude,) = await seated(peer, draw, 1, said)
            await rude.send((b"half a li", b"a line\n", b"")[number % 3])
            if number % 4 == 3:
                rude.close()
            else:
                rude.reset()
        with having(f"let {3 * places} clients break off, then connected {places} at once"):
            for conn in await seated(peer, draw, places, said):
                await exchange(conn, draw, said)


@exercise.check(
    "a drip does not keep a place",
    points=3,
    deadline=25.0,
    misconception="each-recv-has-a-timeout",
    hints=[
        "One byte comes before each timeout ends. When does your program lose patience?",
        "settimeout is for one call. The line needs a moment that stays where it is.",
        "until = time.monotonic() + seconds, once a line; settimeout(what is left) for each recv.",
    ],
)
async def a_drip_does_not_keep_a_place(answer, draw, variant):
    seconds = LINE * patience.get()

    async def drips(conn):
        while True:
            await conn.send(b"x")
            await asyncio.sleep(DRIP)  # slow on purpose: nothing is waited for

    async def goes_on(conn):
        while not enough.is_set():  # so that nobody gets its place
            await asyncio.sleep(DRIP)
            said = "who sends its lines in time stays, also for longer than the time of one line"
            try:
                await exchange(conn, draw, said)
            except Mismatch as mismatch:
                mismatch.did = f"sent a line each {DRIP} s and read the replies"
                mismatch.waited = True  # on a busy machine they may have come too late
                raise

    enough = asyncio.Event()
    async with answer.serving("serve", 3, seconds) as peer:
        (steady,) = await seated(peer, draw, 1)
        going = [asyncio.create_task(goes_on(steady))]
        silent = await peer.connect()
        (slow,) = await seated(peer, draw, 1)
        dripping = asyncio.create_task(drips(slow))
        most = answer.held().threads
        did = (
            f"let one client send lines, one stay silent, and one send a byte each {DRIP} s behind "
            "its first line, on the only 3 places; two more waited"
        )
        try:
            waiting = [await peer.connect() for _ in range(2)]
            with having(did):
                for conn in waiting:
                    said = "who is silent, or sends one byte now and then, is let go"
                    await exchange(conn, draw, said)
                    going.append(asyncio.create_task(goes_on(conn)))
                said = "who is let go loses its connection"
                assert_bytes(await silent.recv_until_eof(said=said), b"", said=said)
                until = Deadline(PATIENT * patience.get())
                while (
                    (now := accepted(answer, peer)) > 3 or (threads := answer.held().threads) > most
                ) and until.left() > 0:
                    await asyncio.sleep(0.02)
                assert_that(now <= 3, said, "3 open connections", f"{now} open connections")
                with apart(
                    "A client has been let go. What does its thread wait for?",
                    "A thread ends when its function returns: return when the time is over.",
                ):
                    said = "who is let go costs no thread any more"
                    assert_that(threads <= most, said, f"{most} threads", f"{threads} threads")
            enough.set()
            with apart(
                "Its lines came in time. From when on does your program count the seconds?",
                "The time is for one line: it begins anew with each reply.",
                "Behind sendall: until = time.monotonic() + seconds.",
            ):
                await asyncio.gather(*going)
        finally:
            for task in (dripping, *going):
                task.cancel()
            await asyncio.gather(dripping, *going, return_exceptions=True)


@exercise.check(
    "a client that does not read loses its place",
    points=2,
    deadline=25.0,
    misconception="send-is-instant",
    hints=[
        "The client sends lines and reads no reply. Where does its thread stand?",
        "sendall waits while the buffers are full. What bounds that wait?",
        "Set the timeout before sendall too: what is left of the time for this line.",
    ],
)
async def a_client_that_does_not_read_loses_its_place(answer, draw, variant):
    seconds = LINE / 3 * patience.get()
    lines = (b"never read " * 90 + b"\n") * 60

    async def floods(conn):
        while True:
            await conn.send(lines)

    async with answer.serving("serve", 1, seconds) as peer:
        deaf = await peer.connect()
        flooding = asyncio.create_task(floods(deaf))
        try:
            second = await peer.connect()
            with having("sent lines without end and read nothing on the only place"):
                await exchange(second, draw, said="a client that takes no replies is let go")
        finally:
            flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)


@exercise.check(
    "stops with every place taken",
    points=2,
    deadline=15.0,
    misconception="close-wakes-recv",
    hints=[
        "stop is set, and each thread waits in recv. What wakes it?",
        "On Linux close does not wake who waits in recv. shutdown does: recv returns b''.",
        "Leave the accept loop; then connection.shutdown(socket.SHUT_RDWR) for each, and join.",
    ],
)
async def stops_with_every_place_taken(answer, draw, variant):
    places = draw.integer(2, 4)
    async with answer.serving("serve", places, MINUTE) as peer:
        seats = await seated(peer, draw, places)
        await seats[0].send(b"half a li")
        waiting = await peer.connect()
        await waiting.send(b"one more\n")
        await peer.stop()
