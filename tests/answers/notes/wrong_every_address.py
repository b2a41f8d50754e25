"""Listens on every address of the machine.

refused by: a note is made and read
misconception:
"""

import json
from http import HTTPStatus

import tornado.web

LARGEST = 10_000  # bytes of a body
LONGEST = 1000  # characters of a text


def problem(status, detail):
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Unknown"
    document = {"title": title, "status": status}
    if detail and status < 500:
        document["detail"] = detail
    return json.dumps(document).encode()


class Notes:
    """The notes of one server, by id, in the order in which they were made."""

    def __init__(self, clock):
        self.clock = clock
        self.made = 0
        self.notes = {}

    def add(self, text):
        note = {"id": self.made + 1, "text": text, "made": self.clock.now()}
        self.made += 1
        self.notes[note["id"]] = note
        return note


class Handler(tornado.web.RequestHandler):
    """What all handlers do alike."""

    allowed = ()

    def initialize(self, notes=None):
        self.notes = notes

    def prepare(self):
        if len(self.request.body) > LARGEST:
            raise tornado.web.HTTPError(413)

    def text(self):
        """The text in the request's body."""
        kind = self.request.headers.get("Content-Type", "").partition(";")[0]
        if kind.strip().lower() != "application/json":
            raise tornado.web.HTTPError(415, "the type has to be application/json")
        try:
            document = json.loads(self.request.body.decode())
        except ValueError as error:
            raise tornado.web.HTTPError(400, "not JSON: %s", error) from error
        text = document.get("text") if isinstance(document, dict) else None
        if not isinstance(text, str) or not 1 <= len(text) <= LONGEST:
            raise tornado.web.HTTPError(422, "a note has a text of 1 to %d characters", LONGEST)
        return text

    def give(self, document):
        self.set_header("Content-Type", "application/json")
        self.write(json.dumps(document))

    def write_error(self, status_code, **kwargs):
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        detail = ""
        if isinstance(error, tornado.web.HTTPError) and error.log_message:
            detail = error.log_message % error.args if error.args else error.log_message
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.allowed))
        self.set_header("Content-Type", "application/problem+json")
        self.finish(problem(status_code, detail))

    def options(self, *args):
        self.set_header("Allow", ", ".join(self.allowed))
        self.set_status(204)


class Collection(Handler):
    allowed = ("GET", "HEAD", "OPTIONS", "POST")

    def get(self):
        self.give(list(self.notes.notes.values()))

    head = get

    def post(self):
        note = self.notes.add(self.text())
        self.set_status(201)
        self.set_header("Location", f"/notes/{note['id']}")
        self.give(note)


class Note(Handler):
    allowed = ("DELETE", "GET", "HEAD", "OPTIONS", "PUT")

    def find(self, name):
        note = self.notes.notes.get(int(name))
        if note is None:
            raise tornado.web.HTTPError(404)
        return note

    def get(self, name):
        self.give(self.find(name))

    head = get

    def put(self, name):
        note = self.find(name)
        note["text"] = self.text()
        self.give(note)

    def delete(self, name):
        del self.notes.notes[self.find(name)["id"]]
        self.set_status(204)


class Missing(Handler):
    """Every other path."""

    def prepare(self):
        raise tornado.web.HTTPError(404)


async def serve(host, port, stop, clock):
    notes = {"notes": Notes(clock)}
    routes = [(r"/notes", Collection, notes), (r"/notes/([0-9]{1,15})", Note, notes)]
    application = tornado.web.Application(routes, default_handler_class=Missing)
    server = application.listen(port)
    await stop.wait()
    server.stop()
    await server.close_all_connections()
