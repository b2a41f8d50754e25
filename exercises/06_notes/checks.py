"""Checks of the exercise `notes`: a service for notes, in JSON, with Tornado.

Each request goes over a connection of its own, written and read by h11. Each check looks at one
promise: what else is wrong with a response is the affair of the check that is about it.
"""

import json
from contextlib import nullcontext
from http import HTTPStatus

from labsupport.checking import Exercise, StandIn, assert_bytes, assert_equal, assert_that, fail
from labsupport.checking.asserts import apart
from labsupport.checking.web import request

exercise = Exercise(
    "notes",
    title="notes: a service that speaks JSON",
    lesson="06b",
    minutes=65,
    kind="core",
    entry="async def serve(host, port, stop, clock)",
)

problem = Exercise(
    "notes.problem",
    title="notes, the step: an error as a document",
    lesson="06b",
    minutes=5,
    kind="core",
    entry="problem(status, detail) -> bytes",
)

LARGEST = 10_000  # bytes of a body
LONGEST = 1000  # characters of a text
JSON = "application/json"
PROBLEM = "application/problem+json"
ALLOWED = {
    "/notes": {"GET", "HEAD", "OPTIONS", "POST"},
    "/notes/1": {"DELETE", "GET", "HEAD", "OPTIONS", "PUT"},
}

# Hints for what is beside the subject of a check.
TIME = (
    "How often does your program ask the clock for one note, and what becomes of the number?",
    "One call of clock.now() for each note that is made; what it returns goes into the note as it "
    "is, with its fraction.",
)
TYPE = (
    "By which field do you know what a body is? And where there is no such field?",
    "What stands before the first semicolon, without white space and in lower case, is "
    "application/json, or the type is another one.",
    'kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()',
)
ORDER = (
    "Which question did your program ask first, and which of them not at all?",
    "Three questions, in this order: is the type JSON (415), is the body JSON in UTF-8 (400), is "
    "it a note (422)?",
)
CODEC = (
    "Which bytes does your program take for text?",
    "JSON goes in UTF-8 between programs (RFC 8259, section 8.1). json.loads of bytes takes UTF-16 "
    "and UTF-32 too, and errors='replace' makes a text of anything.",
    "json.loads(self.request.body.decode()), and no other codec.",
)
TEXT = (
    "What makes a note of a document, and what did your program look at?",
    'An object whose "text" is a str of 1 to 1,000 characters. len counts characters; a text of '
    "one space has one.",
)
PATH = (
    "Which paths lead to your handlers, and what does int make of the last part?",
    "int takes '+1', ' 1' and '1_0' too. Let the route say what an id looks like: "
    'r"/notes/([0-9]+)", a pattern of the whole path.',
)
INSIDE = (
    "Whose error does your except take it for?",
    "An except ValueError around json.loads alone knows that the body is to blame. Ask the clock "
    "outside of it.",
)
KEPT = (
    "What has your program kept when the clock raises?",
    "Ask the clock before you keep the note.",
)
END = (
    "server.stop() ends the listening. What becomes of those who are connected?",
    "At the end: server.stop(), then await server.close_all_connections().",
)


class Clock(StandIn):
    """A clock that is a second later each time, or fails."""

    exposed = ("now",)

    def __init__(self, begin):
        self.begin = begin
        self.time = begin
        self.broken = None  # what now raises

    def __repr__(self):
        return "clock"

    def now(self):
        if self.broken:
            raise self.broken
        self.time += 1
        return self.time


class Client:
    """Sends requests to a served answer, each over a connection of its own, and remembers."""

    def __init__(self, peer):
        self.peer = peer
        self.did = ""
        self.made = None  # the response to the last POST that made a note

    async def ask(self, method, target, body=b"", kind=JSON, chunked=False):
        """One request. kind: its Content-Type, of a POST or a PUT; None: none."""
        fields = []
        said = f"{method} {target}"
        if method in ("POST", "PUT"):
            fields = [("Content-Type", kind)] if kind else []
            shown = ascii(body)[1:] if len(body) < 80 else f"of {len(body):,} bytes"
            said += f" with {'the type ' + kind if kind else 'no type'} and the body {shown}"
            said += " in chunks" if chunked else ""
        self.did = f"{self.did}; then sent {said}" if self.did else f"sent {said}"
        conn = await self.peer.connect()
        got = await request(conn, method, target, fields, body, chunked=chunked, did=self.did)
        conn.close()
        return got

    async def make(self, text):
        """Make a note that has to be made; where it is, and what it says."""
        self.made = got = await self.ask("POST", "/notes", written(text))
        note = self.document(got, "who makes a note gets it back")
        assert_that(
            got.status in (200, 201) and isinstance(note, dict) and type(note.get("id")) is int,
            said="who makes a note gets it back, with its id",
            expected='a JSON object with a number as "id"',
            got=f"status {got.status}, {got.body[:200]!r}",
            did=self.did,
        )
        return f"/notes/{note['id']}", note

    async def list(self):
        """The ids of all notes."""
        got = await self.ask("GET", "/notes")
        self.status(got, 200, "the notes can be listed")
        notes = self.document(got, "the list of notes is JSON")
        whole = isinstance(notes, list) and all(isinstance(note, dict) for note in notes)
        if not whole:
            fail("GET /notes gives a JSON array of the notes", self.did, "a list of objects", notes)
        return [note.get("id") for note in notes]

    def status(self, got, wanted, said):
        """The response has to have this status, or one of these."""
        statuses = {wanted} if isinstance(wanted, int) else wanted
        assert_that(
            got.status in statuses,
            said,
            expected=f"status {' or '.join(map(str, sorted(statuses)))}",
            got=f"status {got.status}",
            did=self.did,
        )

    def document(self, got, said):
        """What a response says in JSON."""
        try:
            return got.json()
        except (ValueError, RecursionError) as error:
            fail(said, self.did, "JSON in UTF-8", f"{got.body[:200]!r}: {error}")

    def problem(self, got, said):
        """The response has to be a problem document that says its own status."""
        assert_that(
            got.media_type == PROBLEM,
            said=f"{said}: its Content-Type says what it is",
            expected=f"Content-Type: {PROBLEM}",
            got=f"Content-Type: {got.field('content-type')}, status {got.status}",
            did=self.did,
        )
        document = self.document(got, said)
        assert_that(
            isinstance(document, dict)
            and type(document.get("status")) is int
            and document["status"] == got.status
            and isinstance(document.get("title"), str),
            said=f"{said}: an object that has a title, and the status as a number",
            expected=f'"status": {got.status}, and a text as "title"',
            got=document,
            did=self.did,
        )


def written(text):
    """The body that makes a note with this text."""
    return json.dumps({"text": text}).encode()


def beside(so, *hints):
    """Where it is so, the check's belief is not behind what is wrong, and these are the hints."""
    return apart(*hints) if so else nullcontext()


# ---- the step ----


@problem.check(
    "a problem says its status",
    points=1,
    hints=[
        "Which members does the task ask for, and of which type is each?",
        "HTTPStatus(404).phrase is the title. What does HTTPStatus(499) do?",
        'Catch its ValueError, and take "Unknown" as the title; end with '
        "json.dumps(document).encode().",
    ],
    deadline=10.0,
)
async def a_problem_says_its_status(answer, draw, variant):
    for status in (400, 404, 405, 413, 415, 422, 499):
        for detail in (draw.text(8), '<b>"x"</b>', ""):
            got = await answer.call("problem", status, detail)
            did = f"called problem({status}, {detail!r})"
            assert_that(isinstance(got, bytes), "problem returns bytes", "bytes", got, did)
            try:
                document = json.loads(got.decode())
            except ValueError as error:
                fail("a problem is JSON in UTF-8", did, "JSON", f"{got!r}: {error}")
            known = {each.value: each.phrase for each in HTTPStatus}
            wanted = {"title": known.get(status, "Unknown"), "status": status}
            if detail:
                wanted["detail"] = detail
            assert_equal(document, wanted, "a problem has these members, and no other", did)


@problem.check(
    "a fault of the server tells no detail",
    points=1,
    hints=[
        "For whom is the detail of an error 500: for the client, or for you?",
        "What went wrong inside belongs in the log. From 500 on the document has no detail.",
        'if detail and status < 500: document["detail"] = detail',
    ],
    deadline=10.0,
)
async def a_fault_of_the_server_tells_no_detail(answer, draw, variant):
    for status in (500, 503):
        secret = draw.word()
        got = await answer.call("problem", status, f"no such table: {secret}")
        did = f"called problem({status}, 'no such table: {secret}')"
        assert_that(
            isinstance(got, bytes) and secret.encode() not in got,
            said="from status 500 on the document does not pass the detail on",
            expected="bytes without the detail",
            got=got,
            did=did,
        )


# ---- the build ----


@exercise.check(
    "a note is made and read",
    points=2,
    misconception="status-is-always-200",
    hints=[
        "By what does a program see that something was made, and where it is now?",
        "The answer to a POST that makes a note has the status 201, and Location: /notes/1.",
        'self.set_status(201); self.set_header("Location", f"/notes/{note["id"]}"); then write '
        "the note.",
    ],
    deadline=15.0,
)
async def a_note_is_made_and_read(answer, draw, variant):
    clock = Clock(draw.integer(1_000_000_000, 1_900_000_000) + 0.25)
    async with answer.serving("serve", clock) as peer:
        peer.assert_own_address()
        assert_equal(await Client(peer).list(), [], "at first there is no note", "sent GET /notes")
        client = Client(peer)
        for number in (1, 2, 3):
            text = draw.word()
            _, note = await client.make(text)
            client.status(client.made, 201, "a POST that makes a note says that it was made")
            with apart(*TIME):
                said = "a note has the number that the clock gives, which is asked once for each"
                assert_equal(note.get("made"), clock.begin + number, said, client.did)
            wanted = {"id": number, "text": text, "made": clock.begin + number}
            said = "who makes a note gets it back, with its id and the clock's time"
            assert_equal(note, wanted, said, client.did)
            place = f"/notes/{number}"
            leads_to(client.made, peer, place, client.did)
            got = await client.ask("GET", place)
            client.status(got, 200, "a note can be read where it is")
            said = "a note is read as it was made"
            assert_equal(client.document(got, said), wanted, said, client.did)
        said = "the list has all notes, in the order in which they were made"
        assert_equal(await client.list(), [1, 2, 3], said, client.did)


def leads_to(got, peer, target, did):
    """The Location of a response has to be that of this target, by its path or as a whole URI."""
    host, port = peer.address
    place = got.field("location")
    assert_that(
        place in (target, f"http://{host}:{port}{target}"),
        said="the Location of a note that was made is where it can be read",
        expected=f"Location: {target}, or the same as a whole URI",
        got="no Location" if place is None else f"Location: {place}",
        did=did,
    )


@exercise.check(
    "bad input is the client's error",
    points=2,
    misconception="json-errors-are-500",
    hints=[
        "Which exceptions do decode and json.loads raise, and what does Tornado make of them?",
        "Ask the body one question after the other. A wrong answer to one is raised as "
        "tornado.web.HTTPError(status), with the status of that question.",
        "except ValueError around json.loads(body.decode()) has both errors. Then look at the "
        "type of what you have got before you ask it for a member.",
    ],
    deadline=25.0,
)
async def bad_input_is_the_clients_error(answer, draw, variant):
    text = draw.word()
    good = written(text)
    async with answer.serving("serve", Clock(1)) as peer:
        place, note = await Client(peer).make(text)
        for method, target in (("POST", "/notes"), ("PUT", place)):
            said = "the body of such a type is not looked at"
            form = "application/x-www-form-urlencoded"
            for kind in ("text/plain", f"{JSON}-patch+json", form, None):
                client = Client(peer)
                got = await client.ask(method, target, good, kind)
                with beside(got.status != 500, *TYPE):
                    client.status(got, 415, said)
            said = "what is not JSON in UTF-8 cannot be understood"
            bodies = [(body, ORDER) for body in (good[:-1], b"", b"{}}", b"text=milk")]
            coded = (b'{"text": "caf\xe9"}', good.decode().encode("utf-16"))
            for body, hints in (*bodies, *((body, CODEC) for body in coded)):
                client = Client(peer)
                got = await client.ask(method, target, body)
                with beside(got.status != 500, *hints):
                    client.status(got, 400, said)
            said = "what is JSON, and no note, cannot be worked with"
            documents = ({}, [text], text, None, {"text": 7}, {"text": None}, {"text": ""})
            for document in (*documents, {"text": "x" * (LONGEST + 1)}):
                client = Client(peer)
                got = await client.ask(method, target, json.dumps(document).encode())
                with beside(got.status != 500, *TEXT):
                    client.status(got, 422, said)
        client = Client(peer)
        said = "who is refused changes nothing"
        with apart("What has your program changed before it refuses?"):
            got = await client.ask("GET", place)
            assert_equal(client.document(got, said), note, said, f"sent bad input; {client.did}")
            assert_equal(await client.list(), [note["id"]], said, f"sent bad input; {client.did}")
        client = Client(peer)
        said = "a type may have parameters, and its letters may be large ones"
        got = await client.ask("PUT", place, good, "Application/JSON; charset=utf-8")
        with beside(got.status != 500, *TYPE):
            client.status(got, 200, said)
        for fitting in (" ", "\N{LATIN SMALL LETTER E WITH ACUTE}" * LONGEST):
            client = Client(peer)
            got = await client.ask("PUT", place, written(fitting))
            with beside(got.status != 500, *TEXT):
                client.status(got, 200, f"a text has 1 to {LONGEST:,} characters")
        client = Client(peer)
        got = await client.ask("PUT", place, written("\ud800"))
        with beside(got.status != 500):
            client.status(got, {200, 400, 422}, "half of a pair is taken or refused")


@exercise.check(
    "every error is a problem document",
    points=2,
    misconception="defaults-are-the-contract",
    hints=[
        "Ask for a path that is not there, and look at the whole response. Who has written it?",
        "write_error is called for every error of a handler; an unknown path needs a handler, too: "
        "default_handler_class. What is not an HTTPError comes there with the status 500.",
        "Application(routes, default_handler_class=Missing), where Missing has your write_error, "
        "and a prepare that raises HTTPError(404).",
    ],
    deadline=20.0,
)
async def every_error_is_a_problem_document(answer, draw, variant):
    clock = Clock(1)
    async with answer.serving("serve", clock) as peer:
        place, _ = await Client(peer).make(draw.word())
        good = written(draw.word())
        said = "what is not there is not found"
        below = ("/notes/", "/notes/x", "/notes/2", "/notes/+1", f"{place}/x")
        for target in ("/", f"/{draw.word()}", *below):
            for method in ("GET", "DELETE"):
                client = Client(peer)
                got = await client.ask(method, target)
                with beside(target in below, *PATH):
                    client.status(got, 404, said)
                client.problem(got, "an error is a problem document")
        for body, kind in ((good, "text/plain"), (good[:-1], JSON), (b"[]", JSON)):
            client = Client(peer)
            got = await client.ask("POST", "/notes", body, kind)
            if got.status >= 400:
                client.problem(got, "an error is a problem document")
        client = Client(peer)
        client.problem(await client.ask("PATCH", place), "an error is a problem document")
        before = await Client(peer).list()
        for kind in (OSError, ValueError, KeyError):
            secret = draw.word()
            clock.broken = kind(secret)
            client = Client(peer)
            client.did = f"let clock.now raise {kind.__name__}({secret!r})"
            got = await client.ask("POST", "/notes", good)
            with beside(400 <= got.status < 500, *INSIDE):
                client.status(got, 500, "what fails inside is the server's error")
            client.problem(got, "an error is a problem document, also this one")
            for word in (secret, kind.__name__):
                assert_that(
                    word.encode() not in got.body,
                    said="what went wrong inside is not for the client",
                    expected=f"a body without {word!r}",
                    got=got.body,
                    did=client.did,
                )
            with apart(*KEPT):
                said = "no note may be made when the clock fails"
                assert_equal(await client.list(), before, said, client.did)


@exercise.check(
    "each method has its answer",
    points=2,
    misconception="head-is-get-by-default",
    hints=[
        "What does Tornado answer to HEAD, and to OPTIONS, when your handler has only get?",
        "head = get: Tornado leaves the body out by itself. A 405 has to say what is allowed.",
        'In write_error: if status_code == 405, self.set_header("Allow", ...). send_error clears '
        "what was set before. The same field belongs in the 204 that answers OPTIONS.",
    ],
    deadline=20.0,
)
async def each_method_has_its_answer(answer, draw, variant):
    async with answer.serving("serve", Clock(1)) as peer:
        place, _ = await Client(peer).make(draw.text(20))
        for target in ("/notes", place):
            client = Client(peer)
            whole = await client.ask("GET", target)
            client.did = ""
            got = await client.ask("HEAD", target)
            client.status(got, whole.status, "HEAD is answered as GET is, without the body")
            for name in ("content-type", "content-length"):
                said = f"the {name} of HEAD is that of GET"
                assert_equal(got.field(name), whole.field(name), said, client.did)
        client = Client(peer)
        client.status(await client.ask("HEAD", "/notes/2"), 404, "HEAD is answered as GET is")
        for target, others in (("/notes", "PUT PATCH DELETE"), (place, "POST PATCH")):
            allowed = ALLOWED["/notes" if target == "/notes" else "/notes/1"]
            client = Client(peer)
            got = await client.ask("OPTIONS", target)
            client.status(got, 204, "OPTIONS is answered with 204")
            assert_bytes(got.body, b"", "a response 204 has no body", client.did)
            allows(got, allowed, "OPTIONS says what is allowed", client.did)
            for method in others.split():
                client = Client(peer)
                body = written(draw.word()) if method != "DELETE" else b""
                got = await client.ask(method, target, body)
                client.status(got, 405, "a method that is not there is refused")
                allows(got, allowed, "who is refused a method is told those that are", client.did)


def allows(got, wanted, said, did):
    """The Allow of a response has to name these methods."""
    field = got.field("allow")
    named = {name.strip() for name in (field or "").split(",")}
    assert_that(
        named == wanted,
        said,
        expected=f"Allow: {', '.join(sorted(wanted))}, in any order",
        got="no Allow" if field is None else f"Allow: {field}",
        did=did,
    )


@exercise.check(
    "a large body gets 413",
    points=1,
    misconception="defaults-are-the-contract",
    hints=[
        "Set max_body_size, send more, and look at the status. Who has answered?",
        "Beyond max_body_size Tornado answers 400 by itself and closes. Leave it as it is: "
        "prepare is called when the body is there.",
        "In prepare: if len(self.request.body) > 10_000: raise tornado.web.HTTPError(413).",
    ],
    deadline=20.0,
)
async def a_large_body_gets_413(answer, draw, variant):
    async with answer.serving("serve", Clock(1)) as peer:
        place, _ = await Client(peer).make(draw.word())
        small = written(draw.word())
        for chunked in (False, True):
            for method, target in (("POST", "/notes"), ("PUT", place)):
                client = Client(peer)
                body = small.ljust(LARGEST)
                got = await client.ask(method, target, body, chunked=chunked)
                said = f"a body of {LARGEST:,} bytes is not too large"
                client.status(got, {200, 201}, said)
                for size in (LARGEST + 1, 20 * LARGEST):
                    client = Client(peer)
                    got = await client.ask(method, target, small.ljust(size), chunked=chunked)
                    said = f"a body of more than {LARGEST:,} bytes is too large"
                    client.status(got, 413, said)


@exercise.check(
    "what users write is data",
    points=2,
    misconception="html-in-json-is-harmless",
    hints=[
        "A browser opens /notes. By which field does it decide whether to run what a user wrote?",
        "write sets application/json for a dict only. Text and bytes go out as text/html, and a "
        "list is refused.",
        'self.set_header("Content-Type", "application/json") in front of each '
        "self.write(json.dumps(...)). Escape nothing: a text comes back as it came.",
    ],
    deadline=15.0,
)
async def what_users_write_is_data(answer, draw, variant):
    word = draw.word()
    texts = (f"<script>{word}()</script>", f'<b>{word}</b> & "{word}\'s"', draw.text(12), "\n \0")
    async with answer.serving("serve", Clock(1)) as peer:
        for text in texts:
            client = Client(peer)
            place, note = await client.make(text)
            for got in (client.made, await client.ask("GET", place)):
                is_json(got, client.did)
                said = "a text comes back as it came, whatever it says"
                assert_equal(client.document(got, said), {**note, "text": text}, said, client.did)
        client = Client(peer)
        is_json(await client.ask("GET", "/notes"), client.did)
        for target in (f"/notes/<b>{word}</b>", f"/<script>{word}()</script>"):
            client = Client(peer)
            got = await client.ask("GET", target)
            assert_that(
                target[target.index("<") :].encode() not in got.body
                or got.media_type not in ("", "text/html"),
                said="what a client wrote does not come back as a page",
                expected="another type than text/html, or a body without it",
                got=f"Content-Type: {got.field('content-type')}, and {got.body[:200]!r}",
                did=client.did,
            )


def is_json(got, did):
    """The response has to say that it is JSON."""
    assert_that(
        got.media_type == JSON,
        said="JSON is sent as JSON",
        expected=f"Content-Type: {JSON}",
        got=f"Content-Type: {got.field('content-type')}",
        did=did,
    )


@exercise.check(
    "a repeat does no harm",
    points=2,
    hints=[
        "A client has sent DELETE, has lost the response, and sends it again. What is there now?",
        "A second DELETE gets 404, and changes nothing. An id is never given to another note, "
        "also when the last one was deleted.",
        "Count the notes that were ever made, in an attribute of the store: len(notes) + 1 and "
        "max(notes) + 1 come back.",
    ],
    deadline=15.0,
)
async def a_repeat_does_no_harm(answer, draw, variant):
    async with answer.serving("serve", Clock(1)) as peer:
        notes = [await Client(peer).make(draw.word()) for _ in range(3)]
        (first, kept), (_, second), (last, _) = notes
        client = Client(peer)
        text = draw.word()
        for _ in range(2):
            got = await client.ask("PUT", first, written(text))
            client.status(got, 200, "PUT replaces the text of a note, as often as it comes")
            said = "PUT gives the note back: a new text, and all else as it was"
            wanted = {**kept, "text": text}
            assert_equal(client.document(got, said), wanted, said, client.did)
            got = await client.ask("GET", first)
            assert_equal(client.document(got, said), wanted, said, client.did)
        for status in (204, 404):
            client.status(await client.ask("DELETE", last), status, "a note is deleted once")
            client.status(await client.ask("GET", last), 404, "what was deleted is not there")
        client = Client(peer)
        got = await client.ask("PUT", "/notes/9", written(draw.word()))
        client.status(got, 404, "PUT makes no note where there is none")
        client = Client(peer)
        said = "the others are as they were"
        assert_equal(await client.list(), [kept["id"], second["id"]], said, client.did)
        client.did = f"made three notes and deleted {last}"
        again, _ = await client.make(draw.word())
        said = "an id is never given to a second note"
        assert_that(again not in (place for place, _ in notes), said, "/notes/4", again, client.did)


@exercise.check(
    "the next server starts anew",
    points=1,
    misconception="globals-belong-to-the-app",
    hints=[
        "serve was called twice in the same process. Which of your objects do both calls have?",
        "What a module or a class holds is there once. Make the store in serve, and hand it to the "
        "handlers through the routes.",
        '(r"/notes", Collection, {"notes": notes}) calls initialize(notes=notes).',
    ],
    deadline=20.0,
)
async def the_next_server_starts_anew(answer, draw, variant):
    did = "made a note, and called serve again while the first call went on"
    own = "each server has its own notes"
    async with answer.serving("serve", Clock(1)) as first:
        await Client(first).make(draw.word())
        async with answer.serving("serve", Clock(100)) as second:
            assert_equal(await Client(second).list(), [], own, did)
            for number in (1, 2):
                _, note = await Client(second).make(draw.word())
                assert_equal(note["id"], number, "each server counts from 1", did)
                said, made = "each server asks its own clock", note.get("made")
                assert_that(made in range(101, 110), said, f"about {100 + number}", made, did)
            assert_equal(await Client(first).list(), [1], own, did)
            idle = await second.connect()
            await request(idle, "GET", "/notes")
            with apart(*END):
                await second.stop(did="set stop while a client was connected")
                await idle.recv_until_eof(said="the connections of all clients end")
        did = "called serve twice, and set stop for the second call"
        assert_equal(await Client(first).list(), [1], "the other server goes on", did)
