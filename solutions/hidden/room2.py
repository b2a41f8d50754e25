"""Hidden checks of the exercise `room2`."""

from labsupport.checking import HiddenChecks, assert_that

hidden = HiddenChecks("room2")

BURST = 50  # lines
BURSTS = 100
LATER = 5  # bursts by which the second slow reader joins later


async def enters(peer, name):
    """A client that is in the room under this name."""
    conn = await peer.connect()
    await conn.send(f"{name}\n".encode())
    await conn.recv_line(said="who has sent a nickname that is free is told who is here")
    return conn


@hidden.check(
    "stops while tasks wait for a reader",
    points=1,
    deadline=40.0,
    misconception="cancel-stops-at-once",
    said="After stop, serve returns within 2 seconds also while a task waits in drain for a client "
    "that does not read.",
)
async def stops_while_tasks_wait_for_a_reader(answer, draw, variant):
    text = draw.word().ljust(4000, ".")
    gone = False
    async with answer.serving() as peer:
        listener = await enters(peer, "listens")
        talker = await enters(peer, "talks")
        for burst in range(BURSTS):
            if burst in (0, LATER):
                await enters(peer, f"slow{burst}")
            await talker.send(f"{text}\n".encode() * BURST)
            heard = 0
            while heard < BURST:
                line = await listener.recv_line(said="a slow reader holds up nobody")
                heard += line.startswith(b"talks: ")
                gone = gone or line == b"* slow0 leaves\n"
            if gone:
                break
        assert_that(
            gone,
            said="who does not read, and has no room for a line, is disconnected",
            expected="the others hear that it leaves",
            got=f"{BURSTS * BURST:,} lines, and it is still in",
        )
        # The second one has joined later: its connection is as full, and its outbox is not.
        await peer.stop()
