"""The application keeps the store, and a note is found before its method is called."""

import contextlib
import json
from dataclasses import asdict, dataclass
from http.client import responses
from itertools import count

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, Finish, RequestHandler


@dataclass
class Note:
    id: int
    text: str
    made: float


def problem(status, detail):
    document = {"title": responses.get(status, "Unknown"), "status": status}
    if detail and status < 500:
        document |= {"detail": detail}
    return json.dumps(document, ensure_ascii=False).encode()


def methods(handler):
    """The methods that a handler has written itself."""
    return sorted(name.upper() for name in vars(handler) if name in NAMES)


NAMES = {"get", "head", "post", "put", "delete", "options"}


class Speaks(RequestHandler):
    def refuse(self, status, detail=""):
        self.send_error(status, detail=detail)
        raise Finish

    def write_error(self, status_code, detail="", **kwargs):
        if status_code == 405:
            self.set_header("Allow", ", ".join(methods(type(self))))
        self.set_header("Content-Type", "application/problem+json")
        self.finish(problem(status_code, detail))

    def prepare(self):
        if len(self.request.body) > 10_000:
            self.refuse(413, "10,000 bytes are the most")

    def say(self, document, status=200):
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(json.dumps(document))

    def allow(self):
        self.set_header("Allow", ",".join(methods(type(self))))
        self.set_status(204)

    def read(self):
        kind, _, _ = self.request.headers.get("Content-Type", "").partition(";")
        if kind.strip().casefold() != "application/json":
            self.refuse(415)
        document = ...
        with contextlib.suppress(ValueError):
            document = json.loads(str(self.request.body, "utf-8"))
        if document is ...:
            self.refuse(400, "the body is not JSON in UTF-8")
        match document:
            case {"text": str(text)} if 0 < len(text) <= 1000:
                return text
        self.refuse(422, "a text of 1 to 1,000 characters is needed")


class All(Speaks):
    def get(self):
        self.say([asdict(note) for note in self.application.notes.values()])

    def head(self):
        self.get()

    def options(self):
        self.allow()

    def post(self):
        text, now = self.read(), self.application.clock.now()
        note = Note(next(self.application.ids), text, now)
        self.application.notes[str(note.id)] = note
        self.set_header("Location", self.application.reverse_url("one", note.id))
        self.say(asdict(note), 201)


class One(Speaks):
    def prepare(self):
        super().prepare()
        self.note = self.application.notes.get(self.path_args[0])
        if self.note is None:
            self.refuse(404)

    def get(self, name):
        self.say(asdict(self.note))

    def head(self, name):
        self.get(name)

    def options(self, name):
        self.allow()

    def put(self, name):
        self.note.text = self.read()
        self.say(asdict(self.note))

    def delete(self, name):
        self.application.notes.pop(name)
        self.set_status(204)


class Nothing(Speaks):
    def prepare(self):
        self.refuse(404, "there is nothing here")


def make_app(clock):
    app = Application(
        [(r"/notes", All), ("/notes/([^/]+)", One, {}, "one")], default_handler_class=Nothing
    )
    app.notes, app.ids, app.clock = {}, count(1), clock
    return app


async def serve(host, port, stop, clock):
    server = HTTPServer(make_app(clock))
    server.add_sockets(bind_sockets(port, host))
    try:
        await stop.wait()
    finally:
        server.stop()
        await server.close_all_connections()
