"""Hidden checks of the exercise `echo`."""

import asyncio

from labsupport.checking import HiddenChecks, assert_bytes, assert_equal

hidden = HiddenChecks("echo")

THINKING = 0.6  # seconds; clearly less than the timeout of 1 second that the task asks for


@hidden.check(
    "keeps a client that thinks",
    points=1,
    misconception="empty-means-the-end",
    said="A client may be silent for most of a second between two words, and gets its echo of "
    "both.",
)
async def keeps_a_client_that_thinks(answer, draw, variant):
    async with answer.serving("serve") as peer:
        conn = await peer.connect()
        for silence in (0, THINKING):
            await asyncio.sleep(silence)  # the client is slow on purpose: nothing is waited for
            word = draw.word().encode()
            await conn.send(word)
            assert_bytes(
                await conn.recv_exactly(len(word), said="the connection goes on"),
                word,
                said="the connection goes on",
                did=f"sent a word after {silence} s of silence",
            )


@hidden.check(
    "listens where it is told",
    points=1,
    misconception="names-are-addresses",
    said="serve listens at the address that it is given, and is reached at no other one.",
)
async def listens_where_it_is_told(answer, draw, variant):
    async with answer.serving("serve") as peer:
        places = {
            each.local[0]
            for each in answer.open_sockets()
            if each.kind == "tcp" and each.state == "LISTEN" and each.local is not None
        }
        assert_equal(
            sorted(places),
            ["127.0.0.1"],
            said="a server that was given 127.0.0.1 listens there only",
            did=f"called serve('127.0.0.1', {peer.port}, stop)",
        )
