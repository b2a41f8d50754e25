"""Hidden checks of the exercise `transfer`. They are the server."""

import hashlib

from labsupport.checking import (
    HiddenChecks,
    Mismatch,
    assert_bytes,
    assert_equal,
    assert_that,
)

hidden = HiddenChecks("transfer")

PATH = "download.bin"
PART = f"{PATH}.part"


def head_line(content):
    return f"OK {len(content)} {hashlib.sha256(content).hexdigest()}\n".encode()


def offset_in(line):
    """The offset that a request line asks for; 0 if there is none."""
    last = line.split()[-1:]
    return int(last[0]) if last and last[0].isdigit() else 0


async def fetched(answer, content, wanted, did, there=b""):
    """Have a file fetched, of which a part may be there; it must come with these requests."""
    asked = []

    async def script(conn, number):
        asked.append(await conn.recv_line(limit=200))
        await conn.send(head_line(content) + content[offset_in(asked[-1]) :])

    if there:
        answer.put(PART, there)
    async with answer.facing(script) as address:
        await answer.call("fetch", *address, "notes.txt", PATH)
    fetched = answer.read(PATH)
    assert_that(fetched is not None, "the file is there when fetch returns", "a file", "none", did)
    assert_bytes(fetched, content, said="the file is complete", did=did)
    assert_equal(asked, wanted, said="one request is enough", did=did)


@hidden.check(
    "nothing is left to fetch",
    points=1,
    misconception="connection-is-the-transfer",
    said="A connection that brings no byte is a good one when no byte is missing: of an empty "
    "file, or of one that an earlier call had fetched to its end.",
)
async def nothing_is_left_to_fetch(answer, draw, variant):
    did = "served an empty file"
    await fetched(answer, b"", [b"GET notes.txt 0\n"], did)
    await answer.restart()  # and with it an empty folder
    content = draw.bytes(draw.integer(500, 1500))
    did = f"put all {len(content)} bytes into {PART}, then called fetch"
    await fetched(answer, content, [b"GET notes.txt %d\n" % len(content)], did, there=content)


@hidden.check(
    "a head line alone brings nothing",
    points=1,
    misconception="the-next-try-works",
    said="Only bytes of the file count as progress: after five connections in a row that brought a "
    "head line and no byte behind it, ConnectionError is raised.",
)
async def a_head_line_alone_brings_nothing(answer, draw, variant):
    content = draw.bytes(draw.integer(50, 100))
    some = draw.integer(10, 40)
    asked = []

    async def script(conn, number):
        asked.append(await conn.recv_line(limit=200))
        end = some if number < 10 else len(content)  # so that every program comes to its end
        await conn.send(head_line(content) + content[offset_in(asked[-1]) : end])

    did = f"sent {some} bytes of the file, and then head lines only"
    async with answer.facing(script) as address:
        try:
            await answer.raises("ConnectionError", "fetch", *address, "notes.txt", PATH)
        except Mismatch as mismatch:
            mismatch.did = did
            raise
    assert_equal(
        f"{len(asked)} connections",
        "6 connections",
        said="five connections in a row that bring nothing are enough",
        did=did,
    )
