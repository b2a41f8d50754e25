"""Strips the quotes, where there are any.

refused by: what is no key is refused
misconception:
"""

import json
import math
import re
from dataclasses import dataclass
from http import HTTPStatus

from tornado.web import Application, HTTPError, RequestHandler

DAY = 86_400  # seconds
KEY = re.compile(r"([A-Za-z0-9_-]{1,64})")


@dataclass
class Entry:
    """What is known of a key: the body that came with it, and the answer once there is one."""

    body: bytes
    answer: tuple[int, str, bytes] | None = None  # status, type, content
    until: float = math.inf


def problem(status):
    return json.dumps({"title": HTTPStatus(status).phrase, "status": status}).encode()


class Problems(RequestHandler):
    def write_error(self, status_code, **kwargs):
        self.set_header("Content-Type", "application/problem+json")
        self.finish(problem(status_code))


class Payments(Problems):
    def initialize(self, charge, clock, entries):
        self.charge, self.clock, self.entries = charge, clock, entries

    async def post(self):
        found = KEY.fullmatch(self.request.headers.get("Idempotency-Key", "").strip('"'))
        if not found:
            raise HTTPError(400)
        entry = self.entries.get(found[1])
        if entry is None or self.clock.now() >= entry.until:
            # From here to the first await nobody else runs: who comes later finds this entry.
            entry = self.entries[found[1]] = Entry(self.request.body)
            await self.settle(found[1], entry)
        elif entry.body != self.request.body:
            raise HTTPError(422)
        elif entry.answer is None:
            raise HTTPError(409)
        else:
            self.set_header("Idempotent-Replayed", "true")
        status, kind, content = entry.answer
        self.set_status(status)
        self.set_header("Content-Type", kind)
        self.finish(content)

    async def settle(self, key, entry):
        """Charge, and keep what came of it, before anybody is told."""
        try:
            receipt = await self.charge(entry.body)
        except ConnectionRefusedError as error:
            del self.entries[key]  # no money has moved
            raise HTTPError(503) from error
        except Exception:
            entry.answer = 500, "application/problem+json", problem(500)  # it may have
        else:
            entry.answer = 201, "application/json", receipt
        entry.until = self.clock.now() + DAY


async def serve(host, port, stop, charge, clock):
    needs = {"charge": charge, "clock": clock, "entries": {}}
    server = Application([("/payments", Payments, needs)]).listen(port, host)
    await stop.wait()
    server.stop()
    await server.close_all_connections()
