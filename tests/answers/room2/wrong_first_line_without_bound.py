"""Counts the bytes of a line only when its client has a nickname.

refused by: bad input ends one client
misconception: bytes-are-text
"""

import asyncio
import contextlib
import re

LONGEST = 4000  # bytes of a line
MOST = 500  # lines in an outbox
NAME = re.compile(r"[A-Za-z0-9]{1,16}")


class Refused(Exception):
    """Why a client has to go."""


class Outbox(asyncio.Queue):
    """The lines that wait for one client."""


def deliver(line, outboxes):
    left_out = []
    for name, outbox in outboxes.items():
        try:
            outbox.put_nowait(line)
        except asyncio.QueueFull:
            left_out.append(name)
    return left_out


class Client:
    def __init__(self, writer):
        self.writer = writer
        self.outbox = Outbox(MOST)
        self.name = None

    async def send(self):
        """Empty the outbox until its end; when the connection is gone, into nothing."""
        while (line := await self.outbox.get()) is not None:
            if not self.writer.is_closing():
                self.writer.write(line)
                with contextlib.suppress(ConnectionError):
                    await self.writer.drain()

    async def close(self):
        with contextlib.suppress(ConnectionError):
            self.writer.close()
            await self.writer.wait_closed()


class Room:
    def __init__(self):
        self.members = {}  # name -> client

    def join(self, client, name):
        if not NAME.fullmatch(name):
            raise Refused("bad nickname")
        if name in self.members:
            raise Refused("nickname taken")
        client.name = name
        self.members[name] = client
        self.tell([name], f"* here: {' '.join(sorted(self.members))}")
        self.tell_others(client, f"* {name} joins")

    def leave(self, client):
        if client.name is not None:
            del self.members[client.name]
            self.tell_others(client, f"* {client.name} leaves")

    def tell_others(self, client, line):
        self.tell([name for name in self.members if name != client.name], line)

    def tell(self, names, line):
        """Whoever has no room for the line is disconnected: its own task finds out, and leaves."""
        outboxes = {name: self.members[name].outbox for name in names}
        for name in deliver(f"{line}\n".encode(), outboxes):
            self.members[name].writer.transport.abort()


async def line_from(reader, named):
    """The next line as text, None at the end. Raises Refused for what is no line."""
    begun = b""
    try:
        while not named:
            try:
                return (begun + await reader.readuntil(b"\n"))[:-1].decode()
            except asyncio.LimitOverrunError as error:
                begun += await reader.readexactly(error.consumed)
        line = await reader.readuntil(b"\n")
        return line[:-1].decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError:
        raise Refused("line too long") from None
    except UnicodeDecodeError:
        raise Refused("not UTF-8") from None


async def listen(room, client, reader):
    """Do what the client says until it leaves; the reason, if it is refused."""
    try:
        while (text := await line_from(reader, client.name is not None)) is not None:
            if client.name is None:
                room.join(client, text)
            else:
                room.tell_others(client, f"{client.name}: {text}")
            await asyncio.sleep(0)  # the turn of those who send
    except Refused as refused:
        return f"error: {refused}\n".encode()
    finally:
        room.leave(client)


async def attend(room, reader, writer):
    client = Client(writer)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(client.send())
            if error := await listen(room, client, reader):
                await client.outbox.put(error)
            await client.outbox.put(None)
        await client.close()
    finally:
        writer.transport.abort()


async def serve(host, port, stop):
    room = Room()
    attending = set()

    def connected(reader, writer):
        task = asyncio.create_task(attend(room, reader, writer))
        attending.add(task)
        task.add_done_callback(attending.discard)

    server = await asyncio.start_server(connected, host, port, limit=LONGEST, backlog=100)
    await stop.wait()
    server.close()
    for task in attending:
        task.cancel()
    await asyncio.gather(*attending, return_exceptions=True)
