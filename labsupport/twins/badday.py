"""A bad day: small services with a health page each, and a script of what becomes of them.

    async with BadDay(seed=7) as day:
        for number in range(1, day.rounds + 1):
            await day.begin(number)
            ...  # ask day.services, and compare with day.verdicts()

One dies, one drips, one lies, and one redirects for ever; each of them for some rounds, and well
before and after. Besides, one of those that are well has a blip now and then: 503 to the first who
asks in that round. The seed alone decides who does what, and when: names, faults and rounds of two
days with one seed are the same, their ports are not.

It is a script for the program that watches: a round begins when it is told to, not by a clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
from typing import Literal

__all__ = ["FAULTS", "BadDay", "Weather"]

Weather = Literal["well", "blip", "dies", "drips", "lies", "redirects"]
FAULTS: tuple[Weather, ...] = ("dies", "drips", "lies", "redirects")

# What health page a whole and honest look at it amounts to, in the words of the exercise `checker`.
_VERDICTS: dict[Weather, str] = {
    "well": "healthy",
    "blip": "healthy",
    "dies": "refused",
    "drips": "slow",
    "lies": "unhealthy",
    "redirects": "redirects",
}
_NAMES = ("shop", "search", "stock", "maps", "mail", "billing", "photos", "weather")
_PATH = "/health"
_OK = b'{"status": "ok"}'
_LIES = (
    ("application/json", b'{"status": "down", "uptime": 1}'),
    ("text/html", b"<h1>All systems operational</h1>"),
    ("application/json", b'{"status": "ok"'),
)
_PAUSE = 0.05  # seconds between two bytes of a drip
_DRIPS = 1000  # bytes


class BadDay:
    """The services of one day, listening while its block lasts.

    rounds: how many the day has, 6 at least. `script`: for each name what it does, round by round.
    `asked`: the rounds and names in the order in which requests came.
    """

    def __init__(self, seed: int, rounds: int = 12) -> None:
        if rounds < 6:
            raise ValueError(f"a bad day has 6 rounds at least, for faults and well ones: {rounds}")
        self.seed = seed
        dice = random.Random(seed)
        self.rounds = rounds
        self.round = 1
        self.script: dict[str, list[Weather]] = {}
        self.asked: list[tuple[int, str]] = []
        self._lies = dice.choice(_LIES)
        names = dice.sample(_NAMES, len(FAULTS))
        for name, fault in zip(names, dice.sample(FAULTS, len(FAULTS)), strict=True):
            # A drip takes as long as whoever asks is patient: two rounds of it are enough.
            lasts = 2 if fault == "drips" else dice.randint(2, rounds // 3)
            begin = dice.randint(1, rounds - lasts - 1)
            self.script[name] = ["well"] * rounds
            self.script[name][begin : begin + lasts] = [fault] * lasts
        for number in dice.sample(range(rounds), rounds // 3):
            well = [name for name, script in self.script.items() if script[number] == "well"]
            if well:
                self.script[dice.choice(well)][number] = "blip"
        self._ports: dict[str, int] = {}
        self._sockets: dict[str, socket.socket] = {}
        self._servers: dict[str, asyncio.Server] = {}
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> BadDay:
        for name in self.script:
            self._sockets[name] = _bound(0)
            self._ports[name] = self._sockets[name].getsockname()[1]
            await self._listen(name)
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers.values():
            server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open)
        for sock in self._sockets.values():
            sock.close()

    @property
    def services(self) -> list[dict[str, str]]:
        """The name and the URL of each."""
        return [
            {"name": name, "url": f"http://127.0.0.1:{port}{_PATH}"}
            for name, port in self._ports.items()
        ]

    @property
    def ports(self) -> set[int]:
        """Where they listen."""
        return set(self._ports.values())

    def weather(self, name: str) -> Weather:
        """What a service does in this round."""
        return self.script[name][self.round - 1]

    def verdicts(self) -> dict[str, str]:
        """What becomes of each in this round, for those who ask once more where that may help."""
        return {name: _VERDICTS[self.weather(name)] for name in self.script}

    async def begin(self, number: int) -> None:
        """Begin a round: listeners close and open."""
        self.round = number
        for name in self.script:
            if self.weather(name) == "dies":
                await self._die(name)
            elif name not in self._servers:
                await self._listen(name)

    async def _listen(self, name: str) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._open[task] = writer
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                try:
                    await reader.readuntil(b"\r\n\r\n")
                    await self._answer(name, writer)
                finally:
                    writer.close()
                    del self._open[task]

        self._servers[name] = await asyncio.start_server(serve, sock=self._sockets[name])

    async def _die(self, name: str) -> None:
        """Close the listener, and keep the port: nobody else may answer in its place."""
        if name not in self._servers:
            return
        self._servers.pop(name).close()
        self._sockets[name] = _bound(self._ports[name])

    async def _answer(self, name: str, writer: asyncio.StreamWriter) -> None:
        first = (self.round, name) not in self.asked
        self.asked.append((self.round, name))
        weather = self.weather(name)
        if weather == "blip" and first:
            await _send(writer, "503 Service Unavailable", b"")
        elif weather == "lies":
            kind, body = self._lies
            await _send(writer, "200 OK", body, f"Content-Type: {kind}")
        elif weather == "redirects":
            await _send(writer, "302 Found", b"", f"Location: {_PATH}")
        elif weather == "drips":
            await _drip(writer)
        else:
            await _send(writer, "200 OK", _OK, "Content-Type: application/json")


async def _send(writer: asyncio.StreamWriter, status: str, body: bytes, *fields: str) -> None:
    fields = (*fields, f"Content-Length: {len(body)}", "Connection: close")
    writer.write("\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode() + body)
    await writer.drain()


async def _drip(writer: asyncio.StreamWriter) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {_DRIPS}\r\n\r\n"
    writer.write(head.encode())
    for byte in _OK.ljust(_DRIPS):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(_PAUSE)


def _bound(port: int) -> socket.socket:
    """A socket that has the port and does not listen: who connects is refused."""
    sock = socket.socket()
    if os.name == "posix":  # connections of the listener before may be on their way out
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock
