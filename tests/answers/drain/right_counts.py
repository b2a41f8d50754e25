"""Counts flights, races each piece with the end, and keeps a server of its own."""

import asyncio
import contextlib

import tornado.iostream
import tornado.web
from tornado.httpserver import HTTPServer


class Cut(Exception):
    pass


class Airport:
    def __init__(self):
        self.flying = 0
        self.closed = False
        self.empty = asyncio.Event()
        self.empty.set()
        self.over = asyncio.Event()

    def start(self):
        self.flying += 1
        self.empty.clear()

    def land(self):
        self.flying -= 1
        if self.flying == 0:
            self.empty.set()

    async def unless_over(self, coroutine):
        piece = asyncio.ensure_future(coroutine)
        over = asyncio.ensure_future(self.over.wait())
        try:
            await asyncio.wait([piece, over], return_when=asyncio.FIRST_COMPLETED)
            if piece.done():
                return piece.result()
            raise Cut
        finally:
            for each in (piece, over):
                each.cancel()
            await asyncio.gather(piece, over, return_exceptions=True)


class Pieces(tornado.web.RequestHandler):
    async def get(self, name):
        airport = self.settings["airport"]
        if airport.closed:
            await self.leave(503)
            return
        airport.start()
        try:
            with contextlib.suppress(tornado.iostream.StreamClosedError, Cut):
                await self.report(name, airport)
        finally:
            airport.land()

    async def report(self, name, airport):
        for number in range(10**9):
            piece = await airport.unless_over(self.settings["desk"].piece(name, number))
            if not number and airport.closed:
                self.set_header("Connection", "close")
            if piece is None:
                break
            self.write(piece)
            await self.flush()
        await self.leave(200)

    async def leave(self, status):
        if status != 200:
            self.set_status(status)
            self.set_header("Connection", "close")
        await self.finish()
        if self.settings["airport"].closed:
            await self.request.server_connection.close()


async def serve(host, port, stop, desk, grace):
    airport = Airport()
    application = tornado.web.Application([("/report/(.+)", Pieces)], desk=desk, airport=airport)
    server = HTTPServer(application)
    server.listen(port, host)
    await stop.wait()
    airport.closed = True
    server.stop()
    try:
        async with asyncio.timeout(grace):
            await airport.empty.wait()
    except TimeoutError:
        pass
    await server.close_all_connections()
    airport.over.set()
    await airport.empty.wait()
