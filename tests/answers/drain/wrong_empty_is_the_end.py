"""Takes an empty piece for the end of a report.

refused by: what is in flight ends
misconception: stop-ends-what-is-in-flight
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
        while piece := await self.desk.piece(name, number):
            self.closing()
            self.write(piece)
            await self.flush()
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
