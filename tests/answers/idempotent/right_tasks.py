"""A task for each payment, which the store keeps; whoever comes later looks at that."""

import asyncio
import json
import re
from http import HTTPStatus

from tornado.web import Application, HTTPError, RequestHandler


class Shop:
    def __init__(self, charge, clock):
        self.charge, self.clock = charge, clock
        self.payments = {}  # key -> body, task
        self.ends = {}  # key -> seconds

    async def make(self, key, body):
        """Charge; a receipt, or the exception that is the answer from now on."""
        try:
            result = await self.charge(body)
        except ConnectionRefusedError:
            del self.payments[key]
            raise
        except Exception as error:
            result = error
        self.ends[key] = self.clock.now() + 86_400
        return result

    def known(self, key):
        if key in self.ends and self.ends[key] <= self.clock.now():
            del self.payments[key], self.ends[key]
        return self.payments.get(key)


class Payments(RequestHandler):
    def initialize(self, shop):
        self.shop = shop
        self.replayed = False

    async def post(self):
        key = self.request.headers.get("Idempotency-Key", "")
        if re.search(r'\A"[-0-9A-Za-z_]{1,64}"\Z', key) is None:
            raise HTTPError(400, "a payment needs a key")
        if (known := self.shop.known(key)) is None:
            task = asyncio.create_task(self.shop.make(key, self.request.body))
            self.shop.payments[key] = self.request.body, task
        else:
            body, task = known
            if body != self.request.body:
                raise HTTPError(422, "the key belongs to another payment")
            if not task.done():
                raise HTTPError(409, "the payment is being made")
            self.replayed = True
        try:
            result = await asyncio.shield(task)
        except ConnectionRefusedError as error:
            raise HTTPError(503, "the bank cannot be reached") from error
        if isinstance(result, Exception):
            raise HTTPError(500, "ask the bank whether money has moved") from result
        self.tell()
        self.set_status(201)
        self.set_header("Content-Type", "application/json")
        self.finish(result)

    def tell(self):
        if self.replayed:
            self.set_header("Idempotent-Replayed", "true")

    def write_error(self, status_code, **kwargs):
        self.tell()
        self.set_header("Content-Type", "application/problem+json")
        document = {"title": HTTPStatus(status_code).phrase, "status": status_code}
        error = kwargs["exc_info"][1]
        if isinstance(error, HTTPError) and error.log_message:
            document["detail"] = error.log_message
        self.finish(json.dumps(document))


async def serve(host, port, stop, charge, clock):
    server = Application([("/payments", Payments, {"shop": Shop(charge, clock)})]).listen(
        port, host
    )
    await stop.wait()
    server.stop()
    await server.close_all_connections()
