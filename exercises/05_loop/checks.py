"""Checks of the exercise `loop`: an echo for many clients by one thread that waits for all of them.

Who waits for whom is seen in who gets an echo meanwhile. How long a client sends without reading is
decided by the answer: `push` sends until nothing more is taken. Whether the loop waits or spins is
read from the processor time that it uses while nothing happens, or would use if the machine were
not busy, and what is pending in it from what the system says of the two sockets: what is in none of
their queues is in the answer.
"""

import asyncio
import contextlib
import selectors
import socket

from labsupport.checking import (
    Exercise,
    Mismatch,
    StandIn,
    assert_bytes,
    assert_that,
)
from labsupport.checking.asserts import apart, having, patience, touched
from labsupport.checking.hosts import Limits
from labsupport.clock import Deadline
from labsupport.sockdiag import SockDiag

exercise = Exercise(
    "loop",
    title="loop: one thread that waits for everybody at once",
    lesson="05a",
    minutes=45,
    kind="core",
    entry="serve(host, port, stop, limit)",
)

flush = Exercise(
    "loop.flush",
    title="loop, the step: send what goes out now",
    lesson="05a",
    minutes=3,
    kind="core",
    entry="flush(connection, pending)",
)

GENEROUS = 5.0  # seconds that an answer may be late, however busy the machine is
PIECE = 64 * 1024  # bytes
SMALL = 64 * 1024  # a limit of pending bytes that is soon reached
LARGE = 256 * 1024 * 1024  # and one that is not
LITTLE = 50_000  # bytes: they find room in the buffers of a new connection
MUCH = 16 * 1024 * 1024  # bytes: more than finds room where nothing is read
PART = 4 * 1024 * 1024  # bytes: after them a socket is ready to write again
TOO_MUCH = 64 * 1024 * 1024  # bytes: more than all buffers and a small limit take
STUCK = 1.0  # seconds in which nothing more is taken
ROUNDS = 20  # echoes, each a turn of the loop at least
FEW = 5  # echoes after which a loop has met what came before them
TURNS = 300  # echoes after which a loop has read what has come before them
QUIET = 0.03  # seconds of processor time in a second that a loop which waits does not need
BUSY = 0.5  # seconds in a second: a loop that waits is ready to run for less, on any machine
LOOKS = 4  # seconds, of which one has to be quiet
CROWD = 1000
GROUP = 50  # of the crowd that connect at once; a backlog has room for more


# ---- the step ----


class Narrow(StandIn):
    """A connection that takes some bytes without waiting, and then has no room."""

    exposed = ("send",)

    def __init__(self, room, error=None):
        self.room = room
        self.error = error
        self.sent = b""
        self.asked = 0

    def send(self, data, flags=0):
        if self.error is not None:
            raise self.error
        if not data:
            return 0
        if len(self.sent) == self.room:
            self.asked += 1
            if self.asked > ROUNDS:
                raise Mismatch(
                    "flush asks again and again while there is no room",
                    did=f"raised BlockingIOError from each send after {self.room} bytes",
                    expected="flush returns what is left, and the loop waits",
                    got=f"{self.asked} more sends",
                )
            raise BlockingIOError(11, "Resource temporarily unavailable")
        taken = bytes(data[: self.room - len(self.sent)])
        self.sent += taken
        return len(taken)


async def flushed(answer, connection, pending, did):
    """What flush returns; it has to be bytes."""
    left = await answer.call("flush", connection, pending)
    assert_that(isinstance(left, bytes), "flush returns bytes", "bytes", left, did)
    return left


@flush.check(
    "returns what send left over",
    points=1,
    misconception="ready-means-all-of-it",
    hints=[
        "The connection took a part. What does send return, and what became of the rest?",
        "send returns how many bytes it took, from the front. The others are still pending.",
        "sent = connection.send(pending), then return pending[sent:].",
    ],
)
async def returns_what_send_left_over(answer, draw, variant):
    pending = draw.bytes(draw.integer(20, 60))
    for room in (1, len(pending) // 2, len(pending)):
        connection = Narrow(room)
        did = f"gave flush {len(pending)} bytes, and took {room} of them"
        left = await flushed(answer, connection, pending, did)
        assert_bytes(connection.sent, pending[:room], "what has room goes out, in order", did)
        assert_bytes(left, pending[room:], "flush returns what has not gone out", did)
    left = await flushed(answer, Narrow(10), b"", "gave flush b''")
    assert_bytes(left, b"", "where nothing is pending nothing is left", "gave flush b''")


@flush.check(
    "does not wait for room",
    points=1,
    misconception="nonblocking-is-faster",
    hints=[
        "No byte has room. What does a non-blocking send do then?",
        "BlockingIOError says: not now. Asking again at once is a wait, too.",
        "except BlockingIOError: return pending. Let every other exception out.",
    ],
)
async def does_not_wait_for_room(answer, draw, variant):
    pending = draw.bytes(draw.integer(20, 60))
    connection = Narrow(0)
    did = "called flush with a connection that has no room for a byte"
    left = await flushed(answer, connection, pending, did)
    assert_bytes(left, pending, "where nothing has room, everything is left", did)
    for error in (ConnectionResetError(104, "reset by peer"), BrokenPipeError(32, "Broken pipe")):
        await answer.raises(type(error).__name__, "flush", Narrow(9, error), pending)


# ---- the build: clients ----


@contextlib.asynccontextmanager
async def serving(answer, limit):
    """Run the answer's serve with that limit for what is pending for a client.

    At the end somebody speaks until it has stopped, so that there is a turn in which it can see
    `stop`: whether it stops while all are silent is judged in a check of its own.
    """
    async with answer.serving("serve", limit) as peer:
        yield peer
        for conn in peer.connections:
            conn.give_up()
        with contextlib.suppress(Mismatch):  # it has ended: stop says so
            await peer.connect(timeout=GENEROUS)
        with apart(
            "Once `stop` is set, `serve` has to return with everything closed. Which call waits, "
            "raises or is missing?"
        ):
            stopping = asyncio.create_task(peer.stop())
            while not stopping.done():
                with contextlib.suppress(OSError):  # this connection is closed
                    peer.connections[-1].sock.send(b".")
                await asyncio.wait({stopping}, timeout=0.02)
            await stopping


async def exchange(conn, draw, said="what a client sends comes back at once"):
    """Send a word and read it back."""
    word = draw.word().encode()
    await conn.send(word)
    echo = await conn.recv_exactly(len(word), timeout=GENEROUS, said=said)
    assert_bytes(echo, word, said=said)


async def comes(peer, draw, said="who connects is served"):
    """A new client that has got its first echo, and stays; its own buffers are small."""
    conn = await peer.connect(timeout=GENEROUS, receive_buffer=PIECE)
    conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, PIECE)
    await exchange(conn, draw, said)
    return conn


async def push(conn, piece, size):
    """Send a piece again and again, without reading, until so many bytes are out or nothing more
    is taken; how many went out."""
    touched.set(conn)
    view, sent = memoryview(piece), 0
    while sent < size:
        try:
            sent += conn.sock.send(view[sent % len(view) :][: size - sent])
        except BlockingIOError:
            if not await asyncio.to_thread(takes_more, conn.sock, STUCK * patience.get()):
                break
        except OSError as error:
            raise Mismatch(
                "a client that does not read keeps its connection",
                did=f"sent {sent:,} bytes and read nothing",
                expected="the server takes more, or lets the client wait",
                got=error.strerror or type(error).__name__,
                conn=conn,
            ) from None
    return sent


def takes_more(sock, seconds):
    """Wait until a socket takes more; whether it does. On Windows asyncio's loop cannot tell."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        return bool(selector.select(seconds))


def pending(conn, sent):
    """How many bytes of so many that were not read are in the answer; 0 where no system tells it.

    The queues are looked at in the order in which bytes go through them. One that moves on
    meanwhile is in two, and in no case in none: so this is never too much.
    """
    try:
        with SockDiag() as ask:
            out = ask.ask(conn.local, conn.remote)
            theirs = ask.ask(conn.remote, conn.local)
            back = ask.ask(conn.local, conn.remote)
    except OSError:  # not Linux
        return 0
    if out is None or theirs is None or back is None:  # it has ended
        return 0
    queued = out.send_queue + theirs.receive_queue + theirs.send_queue + back.receive_queue
    return sent - queued


async def both(conn, out, back, said):
    """Send these bytes while reading so many; what was read."""
    sending = asyncio.create_task(conn.send(out, timeout=GENEROUS, said=said))
    try:
        got = bytearray()
        while len(got) < back:
            piece = await conn.recv(min(PIECE, back - len(got)), timeout=GENEROUS, said=said)
            if not piece:
                raise Mismatch(
                    said,
                    expected=f"{back:,} bytes",
                    got=f"{len(got):,} bytes, then the end of the stream",
                    conn=conn,
                )
            got += piece
            await asyncio.sleep(0)  # the turn of who sends
        await sending
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    return bytes(got)


async def given_back(answer, before, did):
    """As many descriptors as before are open, in the end."""
    until = Deadline(GENEROUS * patience.get())
    while True:
        last = until.expired
        now = answer.descriptors()
        if now <= before:
            return
        if last:
            raise Mismatch(
                "the sockets of clients that have left are closed",
                did=did,
                expected=f"{before} descriptors, as before they came",
                got=f"{now} descriptors",
                waited=True,
            )
        await asyncio.sleep(0.02)


async def waits(answer, did):
    """Within a few seconds there is one in which the answer needs nearly no processor time."""
    needed = []
    for _ in range(LOOKS):
        used, ready = answer.cpu_seconds(), answer.ready_seconds()
        await asyncio.sleep(1.0)  # the length of what is measured: nothing is waited for
        used, ready = answer.cpu_seconds() - used, answer.ready_seconds() - ready
        needed.append(ready if ready > BUSY else used)
        if needed[-1] <= QUIET:
            return
    raise Mismatch(
        "a loop for which nothing is to do waits in select",
        did=did,
        expected=f"it needs at most {QUIET:g} s of processor time in one of {LOOKS} seconds",
        got=f"{min(needed):.2f} s in the quietest of them",
    )


# ---- the build: checks ----


@exercise.check(
    "nobody waits for a silent client",
    points=2,
    deadline=15.0,
    misconception="one-thread-one-client",
    hints=[
        "The first client has not sent anything yet. Which call of your program waits for it?",
        "Only select may wait. What it returns is ready: for one accept, for one recv.",
        "Register each accepted connection, non-blocking, for EVENT_READ, and go back to select.",
    ],
)
async def nobody_waits_for_a_silent_client(answer, draw, variant):
    said = "a client is served while others are silent"
    async with serving(answer, SMALL) as peer:
        with having("let three clients connect, the first of them silent; the others spoke"):
            silent, *others = [await peer.connect() for _ in range(3)]
            odd = bytes(range(256))
            for value in draw.bytes(20):
                for conn in others:
                    byte = bytes([value])
                    await conn.send(byte)
                    echo = await conn.recv_exactly(1, timeout=GENEROUS, said=said)
                    assert_bytes(echo, byte, said=said)
            await others[0].send(odd)
            echo = await others[0].recv_exactly(len(odd), timeout=GENEROUS, said=said)
            assert_bytes(echo, odd, said="the same bytes come back, whatever their values")
            await exchange(silent, draw, said)
        with having("let a client end its direction"):
            others[0].half_close()
            said = "who has got all of it, and has ended its direction, gets the end"
            rest = await others[0].recv_until_eof(timeout=GENEROUS, said=said)
            assert_bytes(rest, b"", said=said)
            await exchange(others[1], draw, "the others go on")


@exercise.check(
    "what has no room goes out later, in order",
    points=2,
    deadline=40.0,
    misconception="ready-means-all-of-it",
    hints=[
        "send took a part of it. What became of the rest, and of what came after that?",
        "What is pending goes out first. New bytes go behind it, also when there is room again.",
        "pending += data, always; then send from the front of pending, and delete what was taken.",
    ],
)
async def what_has_no_room_goes_out_later(answer, draw, variant):
    said = "every byte comes back, in order, however late the client reads"
    data = draw.bytes(MUCH + MUCH // 4)
    async with serving(answer, LARGE) as peer:
        conn = await comes(peer, draw)
        sent = await push(conn, data, MUCH)
        did = f"sent {sent:,} bytes without reading, then read, and sent more meanwhile"
        with having(did):
            echo = await both(conn, data[sent:], len(data), said)
        first = next((at for at in range(0, len(data), PIECE) if not same(echo, data, at)), None)
        assert_that(
            first is None,
            said=said,
            did=did,
            expected="the same bytes in the same order",
            got=f"others within the 64 KiB from byte {first} on",
        )


def same(one, other, at):
    """Whether two texts have the same piece at that place."""
    return one[at : at + PIECE] == other[at : at + PIECE]


@exercise.check(
    "a client that does not read holds up nobody",
    points=2,
    deadline=30.0,
    misconception="a-callback-may-wait",
    hints=[
        "One client sends, and reads nothing. Where is your thread then?",
        "A callback may not wait: no sendall, no select of its own, no loop until it is all out.",
        "One send in a turn, on a socket that does not wait, when select says EVENT_WRITE. "
        "BlockingIOError: back to select.",
    ],
)
async def a_client_that_does_not_read_holds_up_nobody(answer, draw, variant):
    said = "the others are served while one client does not read"
    piece = draw.bytes(PIECE)
    async with serving(answer, LARGE) as peer:
        other = await comes(peer, draw)
        slow = await comes(peer, draw)
        sent = await push(slow, piece, MUCH)
        did = f"let one client send {sent:,} bytes and read nothing; others spoke"
        with having(did):
            for _ in range(ROUNDS):
                await exchange(other, draw, said)
        # When it reads a part, there is room for some of what is pending, and not for all.
        did = f"let one client send {sent:,} bytes, read {PART:,} and no more; others spoke"
        with having(did):
            late = "what was held back comes when the client reads"
            await both(slow, b"", PART, late)
            for _ in range(ROUNDS):
                await exchange(other, draw, said)
            await comes(peer, draw, said)
            await both(slow, b"", sent - PART, late)


@exercise.check(
    "what is pending goes out after the client's end",
    points=2,
    deadline=40.0,
    misconception="eof-means-done",
    hints=[
        "recv returned b''. What was still in the pending output of that client?",
        "The client has ended its own direction. It still reads, and waits for the rest.",
        "At b'' note that it has ended, and watch EVENT_WRITE only. Close when nothing is pending.",
    ],
)
async def what_is_pending_goes_out_after_the_end(answer, draw, variant):
    said = "who has ended its direction gets all of its echo, and then the end"
    data = draw.bytes(PIECE) * (MUCH // PIECE)
    async with serving(answer, LARGE) as peer:
        other = await comes(peer, draw)
        conn = await comes(peer, draw)
        sent = await push(conn, data, MUCH)
        with having(f"sent {sent:,} bytes without reading, ended its direction, then read"):
            if sent < len(data):
                await both(conn, data[sent:], len(data), said)
                conn.half_close()
                rest = 0
            else:
                conn.half_close()
                with contextlib.suppress(Mismatch):  # whether others are served is judged elsewhere
                    for _ in range(TURNS):
                        await exchange(other, draw)
                rest = len(data)
            await both(conn, b"", rest, said)
            behind = await conn.recv_until_eof(timeout=GENEROUS, said=said)
            assert_bytes(behind, b"", said="behind the last byte comes the end")
        for number in range(ROUNDS):
            size = LITTLE if number % 2 else 1
            with having(f"connected, sent {size:,} bytes and ended its direction at once"):
                brief = await peer.connect(timeout=GENEROUS)
                await brief.send_last(data[:size], timeout=GENEROUS)
                echo = await brief.recv_until_eof(timeout=GENEROUS, said=said)
                assert_bytes(echo, data[:size], said=said)


@exercise.check(
    "waits while there is nothing to do",
    points=2,
    deadline=60.0,
    misconception="always-watch-writable",
    hints=[
        "What does select return, and how often, while no client says anything?",
        "A socket is ready as long as you do nothing about it. Watch only for what you would do.",
        "EVENT_WRITE only while output is pending; EVENT_READ only below the limit and before b''.",
    ],
)
async def waits_while_there_is_nothing_to_do(answer, draw, variant):
    piece = draw.bytes(PIECE)
    said = "what was held back comes when the client reads"
    async with serving(answer, SMALL) as peer:
        for _ in range(4):
            deaf = await comes(peer, draw)
        await waits(answer, "let four clients get an echo each and be silent")
        sent = await push(deaf, piece, TOO_MUCH)
        await waits(answer, f"let one of them send {sent:,} bytes and read nothing")
        await both(deaf, b"", sent, said)
    async with serving(answer, LARGE) as peer:
        deaf = await comes(peer, draw)
        sent = await push(deaf, piece, MUCH)
        deaf.half_close()
        await waits(answer, f"sent {sent:,} bytes without reading, and ended its direction")
        # How much of it comes is judged elsewhere: read on so that the client leaves in peace.
        await deaf.recv_until_eof(timeout=4 * GENEROUS, said=said)


@exercise.check(
    "pending output has a bound",
    points=3,
    deadline=40.0,
    misconception="the-queue-absorbs-it",
    hints=[
        "A client sends for ever and reads nothing. How much memory does it cost your server?",
        "Who is not read from cannot send for long: its own send has to wait. When do you read?",
        "Watch EVENT_READ while len(pending) < limit, and look again after each send.",
    ],
)
async def pending_output_has_a_bound(answer, draw, variant):
    data = draw.bytes(PIECE) * (MUCH // PIECE)
    async with serving(answer, SMALL) as peer:
        conn = await peer.connect(timeout=GENEROUS)
        with having(f"sent {MUCH:,} bytes and read them meanwhile"):
            await both(conn, data, MUCH, "a client that reads gets all of its echo")
        sent = await push(conn, data, TOO_MUCH)
        did = f"sent {sent:,} bytes and read nothing; the limit was {SMALL:,} bytes"
        assert_that(
            sent < TOO_MUCH,
            said="a server does not read from a client for which too much is pending",
            did=did,
            expected="the client has to wait when all buffers are full",
            got="everything was taken",
        )
        kept = pending(conn, sent)
        with having(f"{did}; then read"):
            said = "a client is read from again as soon as it has read its echo"
            with contextlib.suppress(Mismatch):  # whether others are served is judged elsewhere
                other = await comes(peer, draw)
                for _ in range(sent // PIECE):
                    await conn.recv_exactly(PIECE, timeout=GENEROUS, said=said)
                    sent -= PIECE
                    await exchange(other, draw)  # a turn of the loop
                    kept = max(kept, pending(conn, sent))
            await both(conn, data, sent + MUCH, said)
            await exchange(conn, draw, said)
        assert_that(
            kept <= SMALL + PIECE,
            said="what is pending for a client is never more than the limit and one recv",
            did=f"{did}; then read",
            expected=f"at most {SMALL + PIECE:,} bytes that are in no socket's buffer",
            got=f"{kept:,} bytes",
        )


@exercise.check(
    "a reset ends one client",
    points=2,
    deadline=30.0,
    misconception="one-client-one-exception",
    hints=[
        "One client has reset its connection. Which calls raise, and who catches it?",
        "There is one thread: what leaves a callback ends the loop for all. And what stays behind?",
        "except OSError around one client's turn: unregister it, close it, go on with the next.",
    ],
)
async def a_reset_ends_one_client(answer, draw, variant):
    piece = draw.bytes(PIECE)
    said = "the others are served after one client has reset its connection"
    async with serving(answer, SMALL) as peer:
        await comes(peer, draw)
        before = answer.descriptors()
        for how in ("at once", "after an echo", "in the middle of an echo", "with echo unread"):
            with having(f"let a client connect and reset its connection {how}"):
                other = await comes(peer, draw)
                rude = await peer.connect()
                if how != "at once":
                    await exchange(rude, draw)
                if how == "in the middle of an echo":
                    await rude.send(draw.bytes(1000))
                if how == "with echo unread":
                    await push(rude, piece, TOO_MUCH)
                rude.reset()
                for _ in range(FEW):
                    await exchange(other, draw, said)
                await comes(peer, draw, said)
                peer.connections[-1].close()
                other.close()
        await given_back(answer, before, "let clients reset their connections and others leave")


@exercise.check(
    "a thousand quiet clients cost sockets only",
    points=2,
    deadline=60.0,
    misconception="a-thread-per-client-is-free",
    hints=[
        "How many threads has your server while a thousand clients are connected?",
        "One thread waits for all of them: select gets them all. And what is left when they leave?",
        "At b'', with nothing pending: selector.unregister(connection), connection.close().",
    ],
)
async def a_thousand_quiet_clients(answer, draw, variant):
    number = min(CROWD, room_for_sockets() // 2)
    async with serving(answer, SMALL) as peer:
        first = await comes(peer, draw)
        before = answer.held()
        crowd = []
        with having(f"let {number:,} clients connect and get an echo each"):
            while len(crowd) < number:
                group = [await peer.connect(timeout=GENEROUS) for _ in range(GROUP)]
                await asyncio.gather(*(exchange(conn, draw) for conn in group))
                crowd += group
            now = answer.held()
            assert_that(
                (now.threads, now.processes) <= (before.threads, before.processes),
                said="one thread serves all clients",
                expected=f"no more than {before.threads} threads, as with one client",
                got=f"{now.threads} threads, and {now.processes} processes",
            )
            for conn in [first, *(draw.choice(crowd) for _ in range(ROUNDS))]:
                await exchange(conn, draw, "each of them is served")
        for conn in crowd:
            conn.close()
        await given_back(answer, before.descriptors, f"let {number:,} clients come and go")
        await exchange(first, draw, "who has stayed is served")


def room_for_sockets():
    """How many descriptors this process may open, and an answer's, whichever are fewer."""
    theirs = Limits().resources()["RLIMIT_NOFILE"]
    try:
        import resource
    except ImportError:  # Windows, where a selector takes 512
        return 500
    return min(theirs, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


@exercise.check(
    "stops whoever is connected",
    points=1,
    deadline=30.0,
    misconception="silent-peers-leave",
    hints=[
        "stop is set, one client is silent and one does not read. What does serve wait for?",
        "Look at stop at each turn, and have a turn at least every 0.1 s: select(0.1).",
        "while not stop.is_set(): ..., then close each connection, whatever is pending.",
    ],
)
async def stops_whoever_is_connected(answer, draw, variant):
    piece = draw.bytes(PIECE)
    async with answer.serving("serve", SMALL) as peer:
        await comes(peer, draw)
        deaf = await comes(peer, draw)
        sent = await push(deaf, piece, TOO_MUCH)
        did = f"let one client be silent, and one send {sent:,} bytes and read nothing; set stop"
        await peer.stop(did=did)
