"""Checks of the exercise `upload`: large bodies, taken in pieces.

What is sent is decided here, byte by byte, and what becomes of it is seen in the answer's folder:
how far a file has grown while its client waits, under which name, and what is left of those that
break off. So who is served, and when, is seen by order; memory is measured from outside.
"""

import asyncio
import contextlib
import hashlib

import h11

from labsupport.checking import Exercise, Mismatch, assert_equal, assert_that, fail
from labsupport.checking.asserts import apart, having, patience
from labsupport.checking.chat import people
from labsupport.checking.web import response
from labsupport.clock import Deadline

exercise = Exercise(
    "upload",
    title="upload: large bodies in pieces",
    lesson="07",
    minutes=55,
    kind="core",
    entry="async def serve(host, port, stop, folder, largest)",
)

tally = Exercise(
    "upload.tally",
    title="upload, the step: what has come so far",
    lesson="07",
    minutes=5,
    kind="core",
    entry="class Tally(largest), with add(piece), size and sha256()",
)

FOLDER = "uploads"
KEPT = "kept.txt"  # a file that is there before
MIB = 1024 * 1024
LARGEST = 300_000  # bytes of a body, where the limit is not the subject
HUGE = 40 * MIB  # a body; the answer's disk has room for it
BEHIND = MIB  # bytes that need not be in the file yet
GROWTH = 16 * MIB  # bytes of memory that a body may cost
GENEROUS = 3.0  # seconds that an answer may be late, however busy the machine is
PIECE = 48 * 1024  # no multiple of what a server reads at once

IN_PIECES = (
    "Half of a body has come, and its file has not begun. When is your method called?",
    "Without @stream_request_body, Tornado collects the body first. With it, prepare is called "
    "when the fields are there, and data_received for each piece.",
    "In prepare: mkstemp(prefix='.', dir=folder); in data_received: file.write(piece).",
)
STOPPED = (
    "serve has returned. Which of the things that it made goes on?",
    "The listener, the connections and the files have an end each.",
)


class Sending:
    """One upload, which a check sends as slowly as it likes.

    said: what the check does, for the feedback.
    """

    def __init__(self, service, conn, name, length):
        self.service = service
        self.conn = conn
        self.name = name
        self.client = h11.Connection(h11.CLIENT)
        self.length = length
        self.sent = 0

    async def begin(self, data=b""):
        """Send the fields, and with them data, if that is all of the body: in one piece, which is
        read in one, so that who refuses it has read it and does not reset the connection."""
        how = ("Transfer-Encoding", "chunked")
        if self.length is not None:
            how = ("Content-Length", str(self.length))
        headers = [("Host", "x"), how]
        target = f"/files/{self.name}"
        events = [h11.Request(method="PUT", target=target, headers=headers)]
        events += [h11.Data(data=data), h11.EndOfMessage()] if data else []
        await self._send(*events)

    async def piece(self, data):
        """Send a piece of the body, in a chunk where no length was said."""
        for start in range(0, len(data), PIECE):
            await self._send(h11.Data(data=data[start : start + PIECE]))
        self.sent += len(data)

    async def end(self):
        await self._send(h11.EndOfMessage())

    async def answer(self):
        """The response, also before the end of the body."""
        with having(self.service.did):
            return await response(self.client, self.conn, timeout=GENEROUS)

    async def has(self, status, body):
        """The response, which has to have this status, if any, and to say what has come."""
        got = await self.answer()
        said = "a complete body is answered with its size and its hash"
        did = self.service.did
        wanted = {status} if status else {200, 201}
        expected = f"status {' or '.join(map(str, sorted(wanted)))}"
        assert_that(got.status in wanted, said, expected, f"status {got.status}", did)
        try:
            document = got.json()
        except ValueError as error:
            fail(said, did, "JSON in UTF-8", f"{got.body[:200]!r}: {error}")
        wanted = {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        assert_equal(document, wanted, said, did)
        return got

    async def _send(self, *events):
        with having(self.service.did):
            await self.conn.send(b"".join(self.client.send(event) or b"" for event in events))


class Service:
    """A running answer, and its folder."""

    def __init__(self, answer, peer, did):
        self.answer = answer
        self.peer = peer
        self.did = did

    async def upload(self, name, length=None, data=b""):
        """Begin an upload: its fields are sent. length: None for a body in chunks. data: all of
        the body, to be sent with them."""
        sending = Sending(self, await self.peer.connect(), name, length)
        await sending.begin(data)
        return sending

    async def whole(self, name, body, status, chunked=False):
        """Upload all of it, and hold what is answered and what is in the folder against it."""
        how = "in chunks" if chunked else "with its length"
        self.did = f"sent {len(body):,} bytes {how} as {name}"
        sending = await self.upload(name, None if chunked else len(body))
        await sending.piece(body)
        await sending.end()
        await sending.has(status, body)
        self.holds(name, body)
        sending.conn.close()

    def complete(self):
        """The files in the folder with a name that does not begin with a dot, and their sizes."""
        return {n: s for n, s in self.answer.listed(FOLDER).items() if not n.startswith(".")}

    def unfinished(self):
        """The others, and their sizes."""
        return {n: s for n, s in self.answer.listed(FOLDER).items() if n.startswith(".")}

    def holds(self, name, body, said="the file has what was sent"):
        """The folder has to have this file, with this content."""
        got = self.answer.read(f"{FOLDER}/{name}", HUGE + MIB)
        if got is None or len(got) > 100_000 or len(body) > 100_000:
            shown = "no such file" if got is None else f"{len(got):,} bytes, {digest(got)}"
            right = got == body
            assert_that(right, said, f"{len(body):,} bytes, {digest(body)}", shown, self.did)
        assert_equal(got, body, said, self.did)

    async def until(self, holds, said, expected):
        """Wait until something holds of the folder."""
        until = Deadline(GENEROUS * patience.get())
        while not holds():
            if until.expired:
                found = self.answer.listed(FOLDER)
                listed = ", ".join(f"{n} of {s:,} bytes" for n, s in sorted(named(found).items()))
                raise Mismatch(
                    said,
                    did=self.did,
                    expected=f"{expected}, within {GENEROUS:g} s",
                    got=f"in the folder: {listed}",
                    waited=True,
                )
            await asyncio.sleep(0.01)

    async def begins(self, number=1):
        """Wait until so many files have been begun."""
        await self.until(
            lambda: len(self.unfinished()) >= number,
            "each body that has not ended has a file whose name begins with a dot",
            "such a file" if number == 1 else f"{number} such files",
        )

    async def begun(self, number=1):
        """The same, where it is not what the check is about."""
        with apart(*IN_PIECES):
            await self.begins(number)

    async def as_before(self, said):
        """Wait until the folder has what it had in the beginning."""
        await self.until(lambda: self.answer.listed(FOLDER) == {KEPT: 4}, said, f"{KEPT} alone")

    async def nothing_left(self, said):
        """Wait until there is no unfinished file."""
        await self.until(lambda: not self.unfinished(), said, "no name that begins with a dot")


def named(found):
    """A folder's files, those with a dot under one name each: what they are called is random."""
    hidden = sorted(size for name, size in found.items() if name.startswith("."))
    return {n: s for n, s in found.items() if not n.startswith(".")} | {
        f".{number}": size for number, size in enumerate(hidden, 1)
    }


def digest(data):
    """The beginning of a hash, for the feedback."""
    return f"SHA-256 {hashlib.sha256(data).hexdigest()[:16]}..."


@contextlib.asynccontextmanager
async def serving(answer, did, largest=LARGEST):
    """A running service, with one file in its folder. How it ends is apart from the subject."""
    answer.put(f"{FOLDER}/{KEPT}", b"kept")
    left = False
    try:
        async with answer.serving("serve", FOLDER, largest) as peer:
            service = Service(answer, peer, did)
            yield service
            left = True
    except Mismatch as mismatch:
        if left:
            mismatch.hints = STOPPED
        raise


# ---- the step ----


async def tallied(answer, largest, pieces):
    """Add the pieces; what add returned for each, and the tally."""
    tally = await answer.new("Tally", largest)
    return [await tally.call("add", piece) for piece in pieces], tally


@tally.check(
    "the hash is that of all pieces",
    points=1,
    hints=[
        "Three pieces have come. Of which bytes is your hash?",
        "A hash object takes the bytes in pieces: update adds to what it has seen.",
        "One hashlib.sha256() in __init__; in add, update it with the piece; at the end hexdigest.",
    ],
    deadline=10.0,
)
async def the_hash_is_that_of_all_pieces(answer, draw, variant):
    for sizes in ((), (5,), (10, 1, 20), (100, 0, 100)):
        pieces = [draw.bytes(size) for size in sizes]
        whole = b"".join(pieces)
        _, tally = await tallied(answer, 1000, pieces)
        did = f"added pieces of {', '.join(map(str, sizes)) or 'no'} bytes"
        said = "size and hash are those of all that has come"
        got = await tally.get("size"), await tally.call("sha256")
        assert_equal(got, (len(whole), hashlib.sha256(whole).hexdigest()), said, did)
        said = "the hash can be asked for twice"
        assert_equal(await tally.call("sha256"), got[1], said, did)


@tally.check(
    "the first byte too many is refused",
    points=1,
    misconception="content-length-can-be-trusted",
    hints=[
        "Of 10 bytes permitted, 9 have come. Which piece is the first that does not fit?",
        "Count what comes, and compare the sum with the limit, at each piece.",
        "self.size += len(piece); return self.size <= self.largest.",
    ],
    deadline=10.0,
)
async def the_first_byte_too_many_is_refused(answer, draw, variant):
    for sizes, wanted in (
        ((9, 1), [True, True]),
        ((9, 2), [True, False]),
        ((11,), [False]),
        ((4, 4, 2, 1), [True, True, True, False]),
        ((10, 0), [True, True]),
    ):
        got, _ = await tallied(answer, 10, [draw.bytes(size) for size in sizes])
        did = f"added pieces of {', '.join(map(str, sizes))} bytes to a Tally(10)"
        said = "add says whether what has come fits"
        assert_equal(got, wanted, said, did)


# ---- the build ----


@exercise.check(
    "a body becomes a file",
    points=2,
    hints=[
        "Compare the size and the hash in the answer with those of the whole body.",
        "A body comes in many pieces. Which of your figures are of the last one only?",
        "One Tally for each request, made in prepare; add each piece in data_received.",
    ],
    deadline=25.0,
)
async def a_body_becomes_a_file(answer, draw, variant):
    async with serving(answer, "") as service:
        for size, chunked in ((10, False), (0, False), (0, True), (200_000, False), (90_000, True)):
            name = f"{draw.word()}-{size}.{'bin' if chunked else 'txt'}"
            await service.whole(name, draw.bytes(size), 201, chunked)
        name = draw.word()
        await service.whole(name, b"", 201)
        await service.whole(name, draw.bytes(10), 200)
        sending = await service.upload(f"{name}.json", 2, b"[]")
        got = await sending.has(201, b"[]")
        said = "the answer says that it is JSON"
        assert_equal(got.media_type, "application/json", said, "sent 2 bytes")
        sending.conn.close()
        name = f"{name}-large"
        await service.whole(name, draw.bytes(LARGEST), 201, chunked=True)
        await service.whole(name, draw.bytes(100), 200)
        service.holds(KEPT, b"kept", "other files stay as they are")
        await service.nothing_left("nothing else is left in the folder")


@exercise.check(
    "a file is complete when it appears",
    points=2,
    misconception="clients-stay-to-the-end",
    hints=[
        "Half of a body has come. What does somebody find who opens the file now?",
        "Write under another name, in the same folder, and give the file its name at the end.",
        "os.replace(part, os.path.join(folder, name)) in put: at once, also if there is a file.",
    ],
    deadline=20.0,
)
async def a_file_is_complete_when_it_appears(answer, draw, variant):
    name = draw.word()
    body, half = draw.bytes(200_000), 100_000
    async with serving(answer, "") as service:
        for wanted in (name, KEPT):
            service.did = "sent half of a body under " + (
                "a name that is new" if wanted == name else f"the name of a file, {KEPT}"
            )
            sending = await service.upload(wanted, len(body))
            await sending.piece(body[:half])
            await service.begins()
            if wanted == name:
                said = "a file has its name when it is complete, and not before"
                early = wanted in service.complete()
                assert_that(not early, said, "no such file", "it is there", service.did)
            else:
                said = "the file before stays until its successor is complete"
                service.holds(KEPT, b"kept", said)
            await sending.piece(body[half:])
            await sending.end()
            service.did = "sent a body in two halves"
            await sending.has(None, body)
            service.holds(wanted, body)
            await service.nothing_left("nothing else is left in the folder")


@exercise.check(
    "too large by its length is refused before it comes",
    points=2,
    misconception="content-length-can-be-trusted",
    hints=[
        "The fields say that the body will be too large. What do you wait for?",
        "prepare runs when the fields are there, and before the body. An HTTPError raised there "
        "is answered.",
        'In prepare: length = self.request.headers.get("Content-Length", ""); if '
        're.fullmatch("[0-9]{1,1000}", length) and int(length) > self.largest: raise '
        "HTTPError(413).",
    ],
    deadline=20.0,
)
async def too_large_by_its_length_is_refused_before_it_comes(answer, draw, variant):
    async with serving(answer, "") as service:
        for length in (LARGEST + 1, 2_000_000_000):
            name = draw.word()
            service.did = f"said that {length:,} bytes follow, and sent none"
            sending = await service.upload(name, length)
            said = "who says too much is refused at once"
            got = await sending.answer()
            assert_that(got.status == 413, said, "status 413", f"status {got.status}", service.did)
            await service.as_before("nothing is left of a body that is refused")
        with apart("`largest` bytes are permitted. With which number does too much begin?"):
            await service.whole(draw.word(), draw.bytes(LARGEST), 201)


@exercise.check(
    "too large without a length is refused in the middle",
    points=2,
    misconception="content-length-can-be-trusted",
    hints=[
        "A body in chunks says nowhere how long it will be. Who counts?",
        "Count what comes in data_received. An exception there ends the connection without an "
        "answer.",
        "In data_received: self.set_status(413); self.finish(). And what becomes of the file?",
    ],
    deadline=20.0,
)
async def too_large_without_a_length_is_refused_in_the_middle(answer, draw, variant):
    async with serving(answer, "") as service:
        for before in (0, LARGEST - draw.integer(1, 1000)):
            name = draw.word()
            body = draw.bytes(LARGEST + 1)
            service.did = f"sent {len(body):,} bytes in chunks, and no end"
            sending = await service.upload(name)
            await sending.piece(body[:before])
            # A chunk by hand: behind the first byte too many nothing may wait, or a close resets.
            await sending.conn.send(b"%x\r\n" % (2 * LARGEST) + body[before:])
            said = "the first byte too many is refused, whatever else would come"
            got = await sending.answer()
            assert_that(got.status == 413, said, "status 413", f"status {got.status}", service.did)
            said = "behind the refusal the connection ends"
            assert_equal(await sending.conn.recv_until_eof(said=said), b"", said, service.did)
            await service.as_before("nothing is left of a body that is refused")


@exercise.check(
    "who vanishes leaves nothing",
    points=2,
    misconception="clients-stay-to-the-end",
    hints=[
        "Half of a body has come, and the client has gone. Which method of yours runs then?",
        "Not put, and not data_received: on_connection_close. super() belongs in it.",
        "def on_connection_close(self): super().on_connection_close(); close the file, and unlink "
        "it.",
    ],
    deadline=30.0,
)
async def who_vanishes_leaves_nothing(answer, draw, variant):
    body = draw.bytes(100_000)
    ways = {
        "closed its connection": lambda conn: conn.close(),
        "reset its connection": lambda conn: conn.reset(),
        "ended its direction": lambda conn: conn.half_close(),
    }
    said = "nothing is left of a body that breaks off"
    async with serving(answer, "") as service:
        for how, leave in ways.items():
            for length in (2 * len(body), None):
                for part in (body, b""):
                    what = "half of a body" if part else "the fields of a request"
                    service.did = f"sent {what}; then the client {how}"
                    sending = await service.upload("new", length)
                    await sending.piece(part)
                    await service.begun()
                    leave(sending.conn)
                    await service.nothing_left(said)
        await service.as_before(said)
        service.did = "let two clients send a body each; one of them vanished"
        stays, goes = [await service.upload(name) for name in ("stays", "goes")]
        for sending in (stays, goes):
            await sending.piece(body)
        await service.begun(2)
        goes.conn.close()
        await service.until(
            lambda: len(service.unfinished()) <= 1, said, "one name that begins with a dot"
        )
        await stays.piece(body)
        await stays.end()
        got = await stays.answer()
        assert_that(got.status in (200, 201), "who stays is served", "status 201", got.status)
        service.holds("stays", body + body)
    async with serving(answer, "sent half of a body, and set stop") as service:
        sending = await service.upload(draw.word(), 2 * len(body))
        await sending.piece(body)
        await service.begun()
        kept = await service.upload(draw.word(), 2, b"ab")
        await kept.has(201, b"ab")
        service.did += "; another client, which had been answered, was still connected"
        with apart(
            "serve has returned. What became of the file that was half there?",
            "close_all_connections ends the uploads, too: on_connection_close is called for each.",
        ):
            await service.peer.stop(did=service.did)
            await service.nothing_left("nothing is left of a body that stop has ended")


@exercise.check(
    "a body takes no memory",
    points=2,
    hints=[
        "40 MiB have come. Which of your objects still holds pieces of them?",
        "A piece is hashed, written and forgotten. A list of pieces is the body.",
        "self.tally.add(piece), self.file.write(piece), and nothing that outlives data_received.",
    ],
    deadline=40.0,
)
async def a_body_takes_no_memory(answer, draw, variant):
    async with serving(answer, "", largest=HUGE) as service:
        await service.whole(draw.word(), draw.bytes(MIB), 201)
        before = answer.memory()
        piece = draw.bytes(MIB)
        service.did = f"sent {HUGE // MIB - 1} of {HUGE // MIB} MiB, and waited"
        sending = await service.upload("huge", HUGE)
        for _ in range(HUGE // MIB - 1):
            await sending.piece(piece)
        await service.until(
            lambda: max(service.unfinished().values(), default=0) >= sending.sent - BEHIND,
            "what has come of a body is in its file, save for 1 MiB",
            f"a name that begins with a dot, and {sending.sent - BEHIND:,} bytes or more",
        )
        costs_little(answer.memory() - before, service.did)
        await sending.piece(piece)
        await sending.end()
        service.did = f"sent {HUGE // MIB} MiB"
        await sending.has(None, piece * (HUGE // MIB))
        costs_little(answer.memory() - before, service.did)


def costs_little(grown, did):
    """So many bytes more than before a body is not too much."""
    assert_that(
        grown < GROWTH,
        said="a body takes the memory of a few pieces",
        expected=f"less than {GROWTH // MIB} MiB of memory more than before",
        got="more",
        did=did,
    )


@exercise.check(
    "two at once stay apart",
    points=2,
    misconception="globals-belong-to-the-app",
    hints=[
        "Two uploads are on their way. Which of your objects and names do they share?",
        "What belongs to one request is an attribute of its handler: Tornado makes one for each.",
        "mkstemp gives each upload a name of its own, also if both want the same name at the end.",
    ],
    deadline=20.0,
)
async def two_at_once_stay_apart(answer, draw, variant):
    one, two, same = people(draw, 3)
    async with serving(answer, "") as service:
        for names in ((one, two), (same, same)):
            what = "the same name" if names == (same, same) else "two names"
            service.did = f"let two clients send a body each, in turn, under {what}"
            bodies = [draw.bytes(150_000), draw.bytes(160_000)]
            sendings = []
            for name in names:
                sendings.append(await service.upload(name))
            await service.begins(2)
            for start in range(0, 160_000, 40_000):
                for sending, body in zip(sendings, bodies, strict=True):
                    await sending.piece(body[start : start + 40_000])
            for at in (0, 1):
                await sendings[at].end()
                await sendings[at].has(None, bodies[at])
                service.holds(names[at], bodies[at])


@exercise.check(
    "a name leads nowhere else",
    points=1,
    misconception="dotdot-is-the-only-way-out",
    hints=[
        "Which name got through? Tornado has decoded it before you see it.",
        "Say which names there may be, and refuse all others: fullmatch of a pattern, in prepare.",
        'NAME = re.compile("[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}"), and NAME.fullmatch(name) or 400.',
    ],
    deadline=25.0,
)
async def a_name_leads_nowhere_else(answer, draw, variant):
    word, body = draw.word(), draw.bytes(100)
    names = (
        f"..%2f{word}",
        f"%2e%2e%2f{word}",
        f"sub%2f{word}",
        f"%2ftmp%2f{word}",
        "..",
        "%2e",
        f".{word}",
        f"{word}%00",
        f"{word}%0a",
        f"a%5c{word}",
        f"{word}%20x",
        f"caf%C3%A9{word}",
        "x" * 101,
        f"%252e%252e%252f{word}",
    )
    async with serving(answer, "") as service:
        answer.put(f"{FOLDER}/sub/file", b"x")
        before = service.answer.listed(FOLDER)
        for name in names:
            service.did = f"sent {len(body)} bytes to /files/{name}"
            sending = await service.upload(name, len(body), body)
            said = "a name that is not permitted is refused"
            got = await sending.answer()
            right = got.status in (400, 404)
            assert_that(right, said, "status 400 or 404", f"status {got.status}", service.did)
            await service.nothing_left("nothing is left of a body that is refused")
            assert_equal(service.answer.listed(FOLDER), before, said, service.did)
            for path in (word, f"{FOLDER}/sub/{word}"):
                got = answer.read(path)
                assert_that(got is None, said, "no file outside of the folder", path, service.did)
        for name in ("x" * 100, "a.b-c_d", "-", "_", f"{word}.tar.gz", "0"):
            await service.whole(name, body, 201)
