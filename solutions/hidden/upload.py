"""Hidden checks of the exercise `upload`."""

import asyncio

from labsupport.checking import HiddenChecks, Mismatch, assert_equal
from labsupport.checking.asserts import patience
from labsupport.clock import Deadline

hidden = HiddenChecks("upload")

FOLDER = "uploads"
LARGEST = 100_000  # bytes of a body
GENEROUS = 3.0  # seconds that an answer may be late, however busy the machine is


async def unfinished(answer, number, did):
    """Wait until there are so many files that are not complete."""
    until = Deadline(GENEROUS * patience.get())
    while sum(name.startswith(".") for name in answer.listed(FOLDER)) != number:
        if until.expired:
            raise Mismatch(
                "what is not complete has a name that begins with a dot, and does not stay",
                did=did,
                expected=f"{number} of them within {GENEROUS:g} s",
                waited=True,
            )
        await asyncio.sleep(0.01)


@hidden.check(
    "the file before outlives its successor",
    points=1,
    deadline=20.0,
    misconception="clients-stay-to-the-end",
    said="A file stays as it is when a body that was to replace it breaks off or is too large.",
)
async def the_file_before_outlives_its_successor(answer, draw, variant):
    before = draw.bytes(1000)
    answer.put(f"{FOLDER}/before", before)
    head = b"PUT /files/before HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with answer.serving("serve", FOLDER, LARGEST) as peer:
        for size, what in ((LARGEST // 2, "half of a body"), (LARGEST + 1, "too large a body")):
            did = f"sent {what} under the name of a file, and closed the connection"
            conn = await peer.connect()
            await conn.send(head + b"%x\r\n" % (2 * LARGEST) + draw.bytes(size))
            if size < LARGEST:
                await unfinished(answer, 1, did)
            else:
                await conn.recv(said="the first byte too many is refused")
            conn.close()
            await unfinished(answer, 0, did)
            got = answer.read(f"{FOLDER}/before")
            assert_equal(got, before, "the file before stays as it is", did)
