"""Both ends on an event loop: a protocol puts what comes into a queue."""

import asyncio
import struct


class Inbox(asyncio.DatagramProtocol):
    def __init__(self):
        self.queue = asyncio.Queue()

    def datagram_received(self, data, source):
        self.queue.put_nowait((data, source))


def pack(kind, number, payload=b""):
    return struct.pack(">BBH", ord(kind), number, len(payload)) + payload


def unpack(data):
    """Kind, number, payload; None when it is damaged."""
    if len(data) < 4:
        return None
    kind, number, length = struct.unpack_from(">BBH", data)
    if chr(kind) not in "DEA" or length != len(data) - 4:
        return None
    return chr(kind), number, data[4:]


async def opened(**given):
    loop = asyncio.get_running_loop()
    return await loop.create_datagram_endpoint(Inbox, **given)


async def send(host, port, data, *, wait=0.2, tries=8):
    transport, inbox = await opened(local_addr=("127.0.0.1", 0))
    pieces = [data[at : at + 1000] for at in range(0, len(data), 1000)]
    try:
        for count, piece in enumerate([*pieces, None]):
            number = count % 256
            message = pack("E", number) if piece is None else pack("D", number, piece)
            for _ in range(tries):
                transport.sendto(message, (host, port))
                if await is_acknowledged(inbox, (host, port), number, wait):
                    break
            else:
                raise ConnectionError(f"number {number} was sent {tries} times in vain")
    finally:
        transport.close()


async def is_acknowledged(inbox, peer, number, wait):
    try:
        async with asyncio.timeout(wait):
            while True:
                data, source = await inbox.queue.get()
                if source == peer and unpack(data) == ("A", number, b""):
                    return True
    except TimeoutError:
        return False


async def receive(host, port, *, silence=5.0, linger=2.0):
    loop = asyncio.get_running_loop()
    transport, inbox = await opened(local_addr=(host, port))
    pieces, expected, sender, complete = [], 0, None, False
    try:
        async with asyncio.timeout(silence) as limit:
            while True:
                data, source = await inbox.queue.get()
                message = unpack(data)
                if message is None or message[0] == "A" or source != (sender or source):
                    continue
                sender = source
                kind, number, payload = message
                if not complete:
                    if number == expected:
                        pieces.append(payload)
                        expected = (expected + 1) % 256
                        complete = kind == "E"
                    limit.reschedule(loop.time() + (linger if complete else silence))
                transport.sendto(pack("A", (expected - 1) % 256), source)
    except TimeoutError:
        if not complete:
            raise ConnectionError("the sender has fallen silent") from None
        return b"".join(pieces)
    finally:
        transport.close()
