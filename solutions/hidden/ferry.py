"""Hidden checks of the exercise `ferry`."""

import asyncio
import contextlib
import socket

from labsupport.checking import HiddenChecks, Link, assert_bytes

hidden = HiddenChecks("ferry")

HOST = "127.0.0.1"


def packed(letter, number, payload, variant):
    """A datagram of the task's format."""
    length = len(payload).to_bytes(2, variant.byteorder)
    return letter.encode() + bytes([number]) + length + payload


def place(answer):
    """An address for `receive`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as spare:
        spare.bind((HOST, 0))
        answer.ports.add(spare.getsockname()[1])
        return spare.getsockname()


@contextlib.asynccontextmanager
async def calls(*coroutines):
    """Calls of the answer that run while the block does."""
    running = [asyncio.ensure_future(each) for each in coroutines]
    try:
        yield running
    finally:
        for call in running:
            call.cancel()
        await asyncio.gather(*running, return_exceptions=True)


@hidden.check(
    "its two ends meet",
    points=2,
    misconception="anyone-can-answer",
    said="What `send` sends through a cable that loses, repeats and swaps datagrams is what "
    "`receive` returns.",
    deadline=30.0,
)
async def its_two_ends_meet(answer, draw, variant):
    data = draw.bytes(draw.integer(6000, 9000))
    at = place(answer)
    faults = {"lose": 0.2, "duplicate": 0.1, "reorder": 0.1}
    with Link(at, transport="udp", seed=draw.seed, **faults) as link:
        answer.ports.add(link.port)
        async with calls(
            answer.call("receive", *at, silence=20.0, linger=1.0),
            answer.call("send", *link.address, data, wait=0.1, tries=100),
        ) as (receiving, sending):
            await sending
            received = await receiving
    assert_bytes(received, data, said="the file arrives whole", did="lost some datagrams")


@hidden.check(
    "two files at once",
    points=1,
    misconception="one-buffer-is-enough",
    said="Calls have nothing to do with each other: two files come at once, each to a port of its "
    "own, and two are sent at once.",
    deadline=15.0,
)
async def two_files_at_once(answer, draw, variant):
    files = [[draw.bytes(draw.integer(10, 40)) for _ in range(3)] for _ in range(2)]
    places = [place(answer) for _ in files]
    ports = [answer.port(f"sender {number}") for number in (1, 2)]
    async with calls(
        *(answer.call("receive", *at, silence=20.0, linger=0.2) for at in places)
    ) as running:
        await bound(answer, places, running)
        for number in range(4):
            for pieces, at, port, call in zip(files, places, ports, running, strict=True):
                kind, payload = (variant.data, pieces[number]) if number < 3 else (variant.end, b"")
                datagram = packed(kind, number, payload, variant)
                await port.send(datagram, at)
                reply, _ = await port.recv(during=call, said="an ACK is due")
                wanted = packed(variant.ack, number, b"", variant)
                assert_bytes(reply, wanted, said="the next number is taken")
        received = await asyncio.gather(*running)
    for got, pieces in zip(received, files, strict=True):
        did = "sent two files at once, one datagram of each in turn"
        assert_bytes(got, b"".join(pieces), said="each file arrives whole", did=did)
    ports = [answer.port(f"receiver {number}") for number in (1, 2)]
    async with calls(
        *(
            answer.call("send", *port.address, pieces[0], wait=20.0, tries=2)
            for port, pieces in zip(ports, files, strict=True)
        )
    ) as running:
        for number in range(2):
            sources = []
            for pieces, port, call in zip(files, ports, running, strict=True):
                kind, payload = (variant.data, pieces[0]) if number < 1 else (variant.end, b"")
                wanted = packed(kind, number, payload, variant)
                said = "each of two calls of send sends its file"
                datagram, source = await port.recv(during=call, said=said)
                assert_bytes(datagram, wanted, said, did="called send twice at once")
                sources.append(source)
            for port, source in zip(ports, sources, strict=True):
                await port.send(packed(variant.ack, number, b"", variant), source)
        await asyncio.gather(*running)


async def bound(answer, places, running):
    """Wait until the answer has a socket at each place, as the system tells it."""
    while not any(call.done() for call in running):
        sockets = answer.open_sockets()
        if set(places) <= {each.local for each in sockets}:
            return
        await asyncio.wait(running, timeout=0.01)
