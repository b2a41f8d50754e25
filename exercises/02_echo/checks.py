"""Checks of the exercise `echo`: a server that sends back what it gets, and survives its clients.

`serve` is met over real connections. Where the system decides too much, as with a send that takes
only a part, `echo` gets a stand-in for its connection.
"""

import asyncio
import contextlib

from labsupport.checking import (
    AnswerRaised,
    Exercise,
    Mismatch,
    ScriptedSocket,
    assert_bytes,
    assert_that,
)

exercise = Exercise(
    "echo",
    title="echo: send back what comes, whatever the client does",
    lesson="02c",
    minutes=25,
    kind="core",
    entry="echo(connection) and serve(host, port, stop)",
)

send_all = Exercise(
    "echo.send_all",
    title="echo, the step: send all of it",
    lesson="02c",
    minutes=3,
    kind="core",
    entry="send_all(connection, data)",
)

PIECES = 256  # of the 16 MB
AHEAD = 4  # pieces that are out and not back yet


class SendOnly(ScriptedSocket):
    """A connection whose sendall is left to the answer."""

    exposed = tuple(name for name in ScriptedSocket.exposed if name != "sendall")


@send_all.check(
    "sends everything in order",
    points=1,
    misconception="send-takes-all",
    hints=[
        "What does send return? It is not None.",
        "After a send that took 3 bytes, which bytes are still to be sent?",
        "Cut off what was taken, data = data[sent:], and go on while data is left.",
    ],
)
async def sends_everything_in_order(answer, draw, variant):
    for accept in (1, 3, 1000):
        data = draw.bytes(draw.integer(20, 60))
        connection = SendOnly(accept=accept)
        await answer.call("send_all", connection, data)
        assert_bytes(
            connection.sent,
            data,
            said="what one send leaves over goes out with the next",
            did=f"gave send_all {len(data)} bytes, and took at most {accept} with each send",
        )


def letters(draw, n):
    """n bytes, all of them letters and digits: other byte values have a check of their own."""
    return draw.bytes(n // 2 + 1).hex().encode()[:n]


async def ask(peer, data, said=""):
    """Connect, send, end our direction, and read as many bytes as were sent."""
    conn = await peer.connect()
    await conn.send(data)
    conn.half_close()
    return await conn.recv_exactly(len(data), said=said)


@exercise.check(
    "echoes any bytes",
    points=1,
    misconception="bytes-are-text",
    hints=[
        "Which of the 256 byte values came back changed?",
        "An echo needs no text. Does anything in your program decode?",
    ],
)
async def echoes_any_bytes(answer, draw, variant):
    async with answer.serving("serve") as peer:
        for data in (bytes(range(256)), draw.bytes(500)):
            assert_bytes(
                await ask(peer, data),
                data,
                said="the same bytes come back, whatever their values",
                did=f"connected, sent {len(data)} bytes and ended its direction",
            )


@exercise.check(
    "answers while the client waits",
    points=2,
    misconception="reply-at-eof",
    hints=[
        "The client sends and waits for its echo. It has not closed anything. Who waits for whom?",
        "When has your program something to send: at the end of the stream, or after each recv?",
        "Send back what recv returned before you call recv again, however little it was.",
    ],
)
async def answers_while_the_client_waits(answer, draw, variant):
    word = draw.word().encode()
    async with answer.serving("serve") as peer:
        conn = await peer.connect()
        await conn.send(word)
        assert_bytes(
            await conn.recv_exactly(
                len(word), said="the echo has to come while the client waits for it"
            ),
            word,
            said="the echo comes while the client waits for it",
            did="sent one word, left the connection open and waited",
        )


@exercise.check(
    "sends what send left over",
    points=2,
    misconception="send-takes-all",
    hints=[
        "How many of the bytes does one send take here? Read its return value.",
        "A send can take a part. Whatever it leaves over has to be sent again.",
        "Use your send_all from the step, or sendall.",
    ],
)
async def sends_what_send_left_over(answer, draw, variant):
    data = letters(draw, draw.integer(60, 90))
    connection = ScriptedSocket([data], accept=draw.integer(5, 20))
    await answer.call("echo", connection)
    assert_bytes(
        connection.sent,
        data,
        said="every byte goes back, though one send takes only a few",
        did=f"called echo with a connection whose send takes at most {connection.accept} bytes",
    )


class FullBuffer(ScriptedSocket):
    """A connection whose buffer is full: who waits gets room, who does not gets an error."""

    def send(self, data, flags=0):
        if self.timeout == 0:
            raise BlockingIOError(11, "the buffer is full, and the caller does not wait")
        return super().send(data, flags)


@exercise.check(
    "waits for a slow reader",
    points=1,
    misconception="sendall-cannot-block",
    hints=[
        "The client has not read for a moment, and the buffers are full. What does your send do?",
        "A send without waiting fails then with BlockingIOError. Who told it not to wait?",
        "Keep the timeout that the connection came with: sendall waits until there is room.",
    ],
)
async def waits_for_a_slow_reader(answer, draw, variant):
    data = letters(draw, draw.integer(60, 90))
    connection = FullBuffer([data])
    connection.timeout = 1.0
    await answer.call("echo", connection)
    assert_bytes(
        connection.sent,
        data,
        said="every byte goes back, though the client is slow to read",
        did="called echo with a connection whose buffer is full when it sends",
    )


@exercise.check(
    "ends with an end of stream",
    points=2,
    misconception="reset-is-a-quick-close",
    hints=[
        "The client ended its direction and still reads. What should its last recv return?",
        "A close sends what is left, then the end of the stream. What turns it into a reset?",
        "Leave SO_LINGER alone, and close only after recv has returned b''.",
    ],
)
async def ends_with_an_end_of_stream(answer, draw, variant):
    data = letters(draw, 1000)
    async with answer.serving("serve") as peer:
        conn = await peer.connect()
        await conn.send(data)
        conn.half_close()
        assert_bytes(
            await conn.recv_until_eof(said="after the last echo comes the end of the stream"),
            data,
            said="all of it comes back, and then the end of the stream",
            did="sent 1000 bytes, ended its direction, and read to the end",
        )


@exercise.check(
    "survives a reset",
    points=2,
    misconception="eof-is-the-only-end",
    hints=[
        "The first client broke its connection off. Is your server still there for the second?",
        "recv and send raise ConnectionResetError or BrokenPipeError. Where do you catch them?",
        "Catch OSError around the work on one connection, inside of the accept loop.",
    ],
)
async def survives_a_reset(answer, draw, variant):
    word = draw.word().encode()
    rude_ones = draw.integer(8, 20)
    said = "the next client is served after others have reset their connections"
    async with answer.serving("serve") as peer:
        for _ in range(rude_ones):
            rude = await peer.connect()
            await rude.send(b"x")
            rude.reset()
        assert_bytes(
            await ask(peer, word, said),
            word,
            said=said,
            did=f"reset {rude_ones} connections after one byte, then sent a word on one more",
        )
    # No exception leaves echo, whatever serve would do with it.
    await answer.call("echo", ScriptedSocket([word, ConnectionResetError(104, "reset by peer")]))


@exercise.check(
    "does not wait for a silent client",
    points=2,
    deadline=10.0,
    misconception="silent-peers-leave",
    hints=[
        "The first client says nothing and stays. What becomes of the server meanwhile?",
        "Set a timeout on each accepted connection. Which exception does recv raise then?",
        "connection.settimeout(1.0), and treat TimeoutError as the end of this connection.",
    ],
)
async def does_not_wait_for_a_silent_client(answer, draw, variant):
    word = draw.word().encode()
    async with answer.serving("serve") as peer:
        silent = await peer.connect()
        second = await peer.connect()
        await second.send(word)
        second.half_close()
        assert_bytes(
            await second.recv_exactly(len(word), said="the second client is served"),
            word,
            said="the second client is served",
            did="opened a connection and stayed silent on it, then sent a word on another",
        )
        try:
            await silent.recv_until_eof(said="the connection of a silent client is closed")
        except Mismatch:
            # A reset ends it too, and has a check of its own.
            if silent.trace.events[-1].kind != "reset":
                raise
    # No exception leaves echo, whatever serve would do with it.
    await answer.call("echo", ScriptedSocket([word, TimeoutError("timed out")]))


@exercise.check(
    "echoes 16 MB",
    points=2,
    deadline=30.0,
    misconception="one-request-per-connection",
    hints=[
        "How much of it came back? What did your program do after that?",
        "A connection carries as many bytes as the client sends. When is the last one sent?",
        "Go on with recv and sendall until recv returns b''.",
    ],
)
async def echoes_16_mb(answer, draw, variant):
    size = (16 << 20) // PIECES
    data = letters(draw, size + PIECES)
    pieces = [data[number : number + size] for number in range(PIECES)]  # no two are the same
    async with answer.serving("serve") as peer:
        conn = await peer.connect()

        room = asyncio.Semaphore(AHEAD)

        async def write():
            for piece in pieces:
                await room.acquire()
                await conn.send(piece, timeout=10.0)

        writing = asyncio.create_task(write())
        try:
            for number, piece in enumerate(pieces, 1):
                echo = await conn.recv_exactly(
                    len(piece), timeout=10.0, said="16 MB go out and come back at the same time"
                )
                room.release()
                assert_that(
                    echo == piece,
                    said="every piece comes back as it went out",
                    did="sent 16 MB while reading what came back",
                    expected="the same bytes",
                    got=f"other bytes in piece {number} of {PIECES}",
                )
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)


@exercise.check(
    "leaves nothing open when it stops",
    points=1,
    deadline=10.0,
    misconception="python-closes-sockets",
    hints=[
        "stop was set, and one client is still connected. What becomes of its connection?",
        "When serve returns, nothing of it may go on. Which threads and sockets are left?",
        "Serve one client after the other, each in a with block; or close and join them all.",
    ],
)
async def leaves_nothing_open_when_it_stops(answer, draw, variant):
    async with answer.serving("serve") as peer:
        conn = await peer.connect()
        await conn.send(draw.word().encode())
        # The echo shows that the connection is accepted. Whether it comes is judged elsewhere.
        with contextlib.suppress(Mismatch):
            await conn.recv(timeout=0.5)
        await peer.stop()


@exercise.check(
    "starts again on its port",
    points=1,
    deadline=25.0,
    misconception="time-wait-is-the-servers",
    hints=[
        "Your server closed a connection first, ended, and was started again. What did bind say?",
        "The old connection is in TIME_WAIT on that port. Which socket option permits bind?",
        "socket.create_server sets the right option for each platform.",
    ],
)
async def starts_again_on_its_port(answer, draw, variant):
    word = draw.word().encode()
    port = None
    # The server closes first when it lets a silent client go. That it does, and survives it, is
    # judged elsewhere. On a busy machine it may do so late; were this end closed before, no
    # connection of the server's would be in TIME_WAIT.
    with contextlib.suppress(AnswerRaised):
        async with answer.serving("serve") as peer:
            port = peer.port
            silent = await peer.connect()
            with contextlib.suppress(Mismatch):
                await silent.recv_until_eof(timeout=9.0)
    async with answer.serving("serve", port=port) as peer:
        assert_bytes(
            await ask(peer, word),
            word,
            said="a server can be started again on the port that it has used",
            did="let the server drop a silent client, stopped it, and started it again",
        )
