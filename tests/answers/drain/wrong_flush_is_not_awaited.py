"""Asks for the next piece while the one before waits for its client.

refused by: the last byte is in flight, too
misconception: write-sends-at-once
"""

import asyncio

from tornado.web import Application, RequestHandler


class Report(RequestHandler):
    def initialize(self, desk, stop, flights):
        self.desk, self.stop, self.flights = desk, stop, flights

    async def prepare(self):
        if self.stop.is_set():
            self.set_status(503)
            await self.end()
            return
        task = asyncio.current_task()
        self.flights.add(task)
        task.add_done_callback(self.flights.discard)

    async def get(self, name):
        number = 0
        while (piece := await self.desk.piece(name, number)) is not None:
            self.closing()
            self.write(piece)
            self.flush()
            number += 1
        await self.end()

    def closing(self):
        if self.stop.is_set():
            self.set_header("Connection", "close")

    async def end(self):
        self.closing()
        await self.finish()
        if self.stop.is_set():
            await self.request.server_connection.close()


async def serve(host, port, stop, desk, grace):
    flights = set()
    needs = {"desk": desk, "stop": stop, "flights": flights}
    server = Application([("/report/(.*)", Report, needs)]).listen(port, host)
    await stop.wait()
    server.stop()
    if flights:
        await asyncio.wait(flights, timeout=grace)
    late = list(flights)
    await server.close_all_connections()  # first: a cancelled handler ends its body
    for each in late:
        each.cancel()
    await asyncio.gather(*late, return_exceptions=True)
