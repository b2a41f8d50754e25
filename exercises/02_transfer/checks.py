"""Checks of the exercise `transfer`: a download that outlives its connections.

The checks are the server. Most of them let the head line arrive in a piece of its own, so that a
program which loses bytes behind the head is refused by the check that is about it.
"""

import hashlib
import socket

from labsupport.checking import (
    Exercise,
    Link,
    assert_bytes,
    assert_equal,
    assert_that,
    fail,
)

exercise = Exercise(
    "transfer",
    title="transfer: a download that outlives its connections",
    lesson="02c",
    minutes=45,
    kind="stretch",
    entry="fetch(host, port, name, path)",
)


class Source:
    """A file to be served: its name, content and head line, and the offsets that were asked for.

    It is to be fetched to `path`; names and bytes are drawn, so that nobody knows them before.
    """

    def __init__(self, draw, content=None):
        self.name = f"{draw.word()}.{draw.word()}"
        self.path = f"{draw.word()}.bin"
        self.part = f"{self.path}.part"
        if content is None:  # letters and digits: other bytes have a check of their own
            content = draw.bytes(draw.integer(500, 1000)).hex().encode()
        self.content = content
        digest = hashlib.sha256(content).hexdigest()
        self.head = f"OK {len(content)} {digest}\n".encode()
        self.asked = []

    def link(self):
        """A cable on which the head line arrives by itself."""
        return Link(to_client={"cut": (len(self.head), 1 << 20)})

    async def fetch(self, answer, address):
        """Call the answer."""
        await answer.call("fetch", *address, self.name, self.path)

    async def request(self, conn):
        """Read one request line and return its offset."""
        line = await conn.recv_line(limit=200)
        words = line.split()
        well_formed = len(words) == 3 and words[:2] == [b"GET", self.name.encode()]
        if not well_formed or not words[2].isdigit() or int(words[2]) > len(self.content):
            fail(
                "the request line is not one that the task describes",
                expected=f"GET {self.name} <offset>, with an offset from 0 to {len(self.content)}",
                got=repr(line),
            )
        self.asked.append(int(words[2]))
        return self.asked[-1]

    async def serve(self, conn, number):
        """Answer one request in full."""
        offset = await self.request(conn)
        await conn.send(self.head)
        await conn.send(self.content[offset:])

    async def serve_part(self, conn, count):
        """Answer one request with at most `count` bytes of the file."""
        offset = await self.request(conn)
        await conn.send(self.head)
        await conn.send(self.content[offset : offset + count])


async def fetched(answer, source, did):
    """The file that fetch left must be there, complete, and nothing else."""
    content = answer.read(source.path)
    assert_that(
        content is not None,
        said="the file is there when fetch returns",
        did=did,
        expected=f"a file {source.path}",
        got="no such file",
    )
    assert_bytes(content, source.content, said="the file is complete", did=did)
    assert_that(
        not answer.exists(source.part),
        said="the part file is gone when the file is complete",
        did=did,
        expected=f"no file {source.part}",
        got="it is still there",
    )


@exercise.check(
    "fetches any bytes",
    points=2,
    misconception="bytes-are-text",
    hints=[
        "Which byte values of the file changed on their way?",
        "A file is bytes. Open it in binary mode, and decode the head line only.",
    ],
)
async def fetches_any_bytes(answer, draw, variant):
    source = Source(draw, bytes(range(256)) + draw.bytes(2000))
    async with answer.facing(source.serve, link=source.link()) as address:
        await source.fetch(answer, address)
    await fetched(answer, source, did="sent the head line, then the whole file")
    assert_equal(source.asked, [0], said="one request for the whole file is enough")


@exercise.check(
    "head and body in one segment",
    points=2,
    misconception="recv-is-a-message",
    hints=[
        "Head line and file came in one read. Where did the bytes behind the line feed go?",
        "Everything behind the first line feed belongs to the file.",
        r"line, _, body = data.partition(b'\n') keeps both.",
    ],
)
async def head_and_body_in_one_segment(answer, draw, variant):
    source = Source(draw)

    async def script(conn, number):
        offset = await source.request(conn)
        await conn.send(source.head + source.content[offset:])

    async with answer.facing(script) as address:
        await source.fetch(answer, address)
    await fetched(answer, source, did="sent the head line and the file with one send")
    assert_equal(source.asked, [0], said="one request for the whole file is enough")


@exercise.check(
    "a head line in pieces",
    points=1,
    misconception="recv-is-a-message",
    hints=[
        "How many reads did the head line take? How many does your program make for it?",
        "Nobody promises that a line comes with one recv. What tells you that it is complete?",
        r"Read on until b'\n' is in what has come: while b'\n' not in data: data += ...",
    ],
)
async def head_line_in_pieces(answer, draw, variant):
    source = Source(draw)
    first, second = draw.integer(1, 8), draw.integer(9, 40)
    sizes = (first, second, len(source.head) - first - second, 1 << 20)
    async with answer.facing(source.serve, link=Link(to_client={"cut": sizes})) as address:
        await source.fetch(answer, address)
    did = f"let the head line arrive in pieces of {sizes[0]}, {sizes[1]} and {sizes[2]} bytes"
    await fetched(answer, source, did=did)


@exercise.check(
    "resumes where it stopped",
    points=3,
    misconception="connection-is-the-transfer",
    hints=[
        "The first connection ended early. How do you know that the file is not complete?",
        "The head line gives the size. Compare what you have with it.",
        "Connect again and ask from the number of bytes that you have.",
    ],
)
async def resumes_where_it_stopped(answer, draw, variant):
    source = Source(draw)
    some, more = draw.integer(200, 400), draw.integer(100, 400)

    async def script(conn, number):
        await source.serve_part(conn, {1: some, 2: more}.get(number, len(source.content)))

    did = f"ended the first connection after {some} bytes of the file, the second after {more} more"
    async with answer.facing(script, link=source.link()) as address:
        await source.fetch(answer, address)
    assert_equal(
        source.asked,
        [0, some, some + more],
        said="each request asks from where the connection before it ended",
        did=did,
    )
    await fetched(answer, source, did=did)


@exercise.check(
    "goes on after a reset",
    points=2,
    misconception="eof-is-the-only-end",
    hints=[
        "The connection did not end, it broke off. What does recv do then?",
        "ConnectionResetError is an OSError. It ends this connection, not the transfer.",
    ],
)
async def goes_on_after_a_reset(answer, draw, variant):
    source = Source(draw)
    some = draw.integer(200, 900)

    async def script(conn, number):
        if number == 1:
            await source.serve_part(conn, some)
            conn.reset()
        else:
            await source.serve(conn, number)

    did = f"reset the first connection after {some} bytes of the file"
    async with answer.facing(script, link=source.link()) as address:
        await source.fetch(answer, address)
    assert_that(
        len(source.asked) == 2 and source.asked[1] <= some,
        said="the second request asks for no more than is missing",
        did=did,
        expected=f"an offset from 0 to {some}",
        got=source.asked,
    )
    assert_bytes(
        answer.read(source.path) or b"",
        source.content,
        said="the file is complete",
        did=did,
    )


@exercise.check(
    "nothing half done under its name",
    points=1,
    misconception="eof-means-complete",
    hints=[
        "Somebody opens the file while your program is still fetching. What do they read?",
        "Write to the part file. os.replace gives it its name in one step, at the end.",
    ],
)
async def nothing_half_done_under_its_name(answer, draw, variant):
    source = Source(draw)
    seen = []

    async def script(conn, number):
        if number == 1:
            await source.serve_part(conn, 500)
        else:
            seen.append(answer.exists(source.path))
            await source.serve(conn, number)

    async with answer.facing(script, link=source.link()) as address:
        await source.fetch(answer, address)
    assert_that(
        seen == [False],
        said="no file has the final name before it is complete",
        did=f"ended the first connection early, and looked for {source.path} at the second",
        expected="a second connection, and no such file yet",
        got="a file of that name" if seen else "no second connection",
    )


@exercise.check(
    "resumes an earlier call",
    points=2,
    misconception="connection-is-the-transfer",
    hints=[
        "An earlier call was stopped and left its part file. Does your program look for it?",
        "The offset of the first request is the size of the part file, if there is one.",
        "The hash is that of the whole file: the part that was there counts too.",
    ],
)
async def resumes_an_earlier_call(answer, draw, variant):
    source = Source(draw)
    there = draw.integer(100, 900)
    answer.put(source.part, source.content[:there])
    did = f"put the first {there} bytes into {source.part}, then called fetch"
    async with answer.facing(source.serve, link=source.link()) as address:
        await source.fetch(answer, address)
    said = "the first request asks from the end of the part file"
    assert_equal(source.asked, [there], said=said, did=did)
    await fetched(answer, source, did=did)

    # The same with a part file of the answer's own.
    source = Source(draw)

    async def comes_to_nothing(conn, number):
        if number == 1:
            await source.serve_part(conn, there)
        elif number > 8:  # a program that never gives up shall come to its end
            await source.serve(conn, number)
        else:
            await source.request(conn)

    did = f"sent {there} bytes of the file, and no more until fetch gave up; then called it again"
    async with answer.facing(comes_to_nothing, link=source.link()) as address:
        await answer.raises("ConnectionError", "fetch", *address, source.name, source.path)
    source.asked.clear()
    async with answer.facing(source.serve, link=source.link()) as address:
        await source.fetch(answer, address)
    assert_equal(source.asked, [there], said=said, did=did)
    await fetched(answer, source, did=did)


@exercise.check(
    "refuses damaged bytes",
    points=2,
    misconception="tcp-guards-the-file",
    hints=[
        "One bit of the file changed on its way, and no connection broke. Who can notice?",
        "hashlib.sha256 over the whole part file gives what the head line announced, or does not.",
        "On a difference remove the part file and raise ValueError.",
    ],
)
async def refuses_damaged_bytes(answer, draw, variant):
    source = Source(draw)
    at = draw.integer(0, len(source.content) - 1)
    damaged = bytearray(source.content)
    damaged[at] ^= 1

    async def script(conn, number):
        offset = await source.request(conn)
        await conn.send(source.head)
        await conn.send(bytes(damaged[offset:]))

    async with answer.facing(script, link=source.link()) as address:
        await answer.raises("ValueError", "fetch", *address, source.name, source.path)
    left = [name for name in (source.path, source.part) if answer.exists(name)]
    assert_equal(
        left,
        [],
        said="damaged bytes are not kept",
        did=f"changed one bit of byte {at}, and looked at the files that are left",
    )


@exercise.check(
    "gives up after five",
    points=2,
    misconception="the-next-try-works",
    hints=[
        "How many connections in a row brought nothing? How many brought something?",
        "Count the connections since the last new byte, not all of them.",
        "At the fifth one that brings nothing, raise ConnectionError.",
    ],
)
async def gives_up_after_five(answer, draw, variant):
    source = Source(draw)

    async def dribble(conn, number):
        await source.serve_part(conn, 10 if number < 7 else len(source.content))

    async with answer.facing(dribble, link=source.link()) as address:
        await source.fetch(answer, address)
    await fetched(answer, source, did="sent 10 bytes of the file with each of 6 connections")

    source = Source(draw)

    async def four_and_four(conn, number):
        await source.serve_part(conn, {5: 10, 10: len(source.content)}.get(number, 0))

    did = "sent bytes of the file with the fifth and the tenth connection only"
    async with answer.facing(four_and_four, link=source.link()) as address:
        await source.fetch(answer, address)
    await fetched(answer, source, did=did)

    source = Source(draw)

    async def nothing(conn, number):
        if number > 8:  # a program that never gives up shall come to its end
            await source.serve(conn, number)
        else:
            await source.request(conn)

    did = "took each request and closed without a word"
    async with answer.facing(nothing, link=source.link()) as address:
        await answer.raises("ConnectionError", "fetch", *address, source.name, source.path)
    assert_equal(
        f"{len(source.asked)} connections",
        "5 connections",
        said="five connections in a row that bring nothing are enough",
        did=did,
    )

    with socket.socket() as closed:  # bound, and not listening: nobody else can be there
        closed.bind(("127.0.0.1", 0))
        host, port = closed.getsockname()
        answer.ports.add(port)
        await answer.raises("ConnectionError", "fetch", host, port, source.name, source.path)


@exercise.check(
    "takes silence for a broken connection",
    points=2,
    misconception="silent-peers-leave",
    hints=[
        "The server stopped in the middle and says nothing. How long does your program wait?",
        "socket.create_connection takes a timeout, in seconds, that stays on the connection.",
        "TimeoutError is an OSError too: it ends this connection, not the transfer.",
    ],
)
async def takes_silence_for_a_broken_connection(answer, draw, variant):
    source = Source(draw)
    some = draw.integer(200, 900)

    async def script(conn, number):
        if number == 1:
            await source.serve_part(conn, some)
            await conn.hold()
        else:
            await source.serve(conn, number)

    did = f"sent {some} bytes of the file, then nothing more"
    async with answer.facing(script, link=source.link()) as address:
        await source.fetch(answer, address)
    await fetched(answer, source, did=did)


@exercise.check(
    "knows a refusal",
    points=1,
    misconception="the-next-try-works",
    hints=[
        "The server answered. It said no. What would another try change?",
        "FileNotFoundError is an OSError. Is one of your except clauses wide enough to catch it?",
        "A head line that begins with ERR raises FileNotFoundError, after one connection.",
    ],
)
async def knows_a_refusal(answer, draw, variant):
    source = Source(draw, b"")

    async def script(conn, number):
        await source.request(conn)
        await conn.send(f"ERR {draw.word()} {draw.word()}\n".encode())

    async with answer.facing(script) as address:
        await answer.raises("FileNotFoundError", "fetch", *address, source.name, source.path)
    assert_equal(source.asked, [0], said="a refusal is final: one request", did="answered with ERR")
