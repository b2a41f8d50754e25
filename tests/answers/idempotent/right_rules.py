"""Rules without I/O for the keys, and a handler that raises what they say."""

import json
from http import HTTPStatus
from string import ascii_letters, digits

import tornado.web

PERMITTED = set(ascii_letters + digits + "-_")


class Busy(Exception):
    """The first request with this key has no answer yet."""


class Other(Exception):
    """The key came with another body before."""


class Keys:
    """Which payments were made; times are handed over, in seconds."""

    def __init__(self, seconds=24 * 60 * 60):
        self.seconds = seconds
        self.under_way = {}  # key -> body
        self.done = {}  # key -> body, answer, when it is forgotten

    def begin(self, key, body, now):
        """The stored answer; None: the payment has begun with this call."""
        self.done = {each: known for each, known in self.done.items() if now < known[2]}
        known = self.under_way.get(key) if key in self.under_way else self.done.get(key, [None])[0]
        if known is None:
            self.under_way[key] = body
            return None
        if known != body:
            raise Other(key)
        if key in self.under_way:
            raise Busy(key)
        return self.done[key][1]

    def end(self, key, answer, now):
        """Keep an answer."""
        self.done[key] = (self.under_way.pop(key), answer, now + self.seconds)

    def forget(self, key):
        """Nothing has been done."""
        del self.under_way[key]


class Payments(tornado.web.RequestHandler):
    def initialize(self, keys, charge, clock):
        self.keys = keys
        self.charge = charge
        self.clock = clock

    def key(self):
        fields = self.request.headers.get_list("Idempotency-Key")
        if len(fields) != 1 or len(fields[0]) < 3:
            return None
        first, *letters, last = fields[0]
        right = first == last == '"' and len(letters) <= 64 and PERMITTED.issuperset(letters)
        return "".join(letters) if right else None

    async def post(self):
        key = self.key()
        if key is None:
            return self.problem(400)
        try:
            answer = self.keys.begin(key, self.request.body, self.clock.now())
        except Other:
            return self.problem(422)
        except Busy:
            return self.problem(409)
        if answer is None:
            answer = await self.charged(key)
        else:
            self.set_header("Idempotent-Replayed", "true")
        if answer is None:
            self.problem(503)
        elif answer:
            self.set_status(201)
            self.set_header("Content-Type", "application/json; charset=UTF-8")
            self.write(answer)
        else:
            self.problem(500)

    async def charged(self, key):
        """The receipt; b"" where nobody knows what has happened; None where nothing has."""
        try:
            receipt = await self.charge(self.request.body)
        except Exception as error:
            if type(error) is ConnectionRefusedError:
                self.keys.forget(key)
                return None
            receipt = b""
        self.keys.end(key, receipt, self.clock.now())
        return receipt

    def problem(self, status):
        self.set_status(status)
        self.set_header("Content-Type", "application/problem+json")
        title = HTTPStatus(status).phrase
        self.write(json.dumps({"status": status, "title": title, "type": "about:blank"}))


async def serve(host, port, stop, charge, clock):
    needs = {"keys": Keys(), "charge": charge, "clock": clock}
    server = tornado.web.Application([("/payments", Payments, needs)]).listen(port, host)
    try:
        await stop.wait()
    finally:
        server.stop()
        await server.close_all_connections()
