"""Lets up to 6,000,000 bytes wait for one client.

refused by: a slow reader holds up nobody
misconception:
"""

import asyncio
import string

LETTERS = set(string.ascii_letters + string.digits)
FULL = 6_000_000  # bytes that wait for one client


class Member(asyncio.Protocol):
    def __init__(self, members, everybody):
        self.members = members  # name -> member
        self.everybody = everybody
        self.name = ""
        self.begun = b""  # a line whose end has not come
        self.over = False

    def connection_made(self, transport):
        self.transport = transport
        self.everybody.add(self)

    def data_received(self, data):
        *whole, self.begun = (self.begun + data).split(b"\n")
        for line in whole:
            self.said(line)
        if len(self.begun) > 4000:
            self.end("line too long")

    def said(self, line):
        if self.over:
            return
        if len(line) > 4000:
            return self.end("line too long")
        try:
            text = line.decode()
        except UnicodeDecodeError:
            return self.end("not UTF-8")
        if self.name:
            return self.tell(f"{self.name}: {text}")
        if not (0 < len(text) <= 16 and set(text) <= LETTERS):
            return self.end("bad nickname")
        if text in self.members:
            return self.end("nickname taken")
        self.name = text
        self.members[text] = self
        self.give("* here: " + " ".join(sorted(self.members)))
        return self.tell(f"* {text} joins")

    def give(self, text):
        self.transport.write(text.encode() + b"\n")
        if self.transport.get_write_buffer_size() > FULL:
            self.transport.abort()

    def tell(self, text):
        for member in list(self.members.values()):
            if member is not self:
                member.give(text)

    def end(self, reason=""):
        """Leave the room; what waits is sent before the connection is closed."""
        if self.over:
            return
        self.over = True
        if self.name:
            del self.members[self.name]
            self.tell(f"* {self.name} leaves")
        if reason:
            self.give(f"error: {reason}")
        self.transport.close()

    def eof_received(self):
        self.end()
        return True

    def connection_lost(self, error):
        self.end()
        self.everybody.discard(self)


async def serve(host, port, stop):
    members, everybody = {}, set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Member(members, everybody), host, port, backlog=100)
    await stop.wait()
    server.close()
    for member in list(everybody):
        member.over = True
        member.transport.abort()
    while everybody:
        await asyncio.sleep(0)  # connection_lost is called by the loop
