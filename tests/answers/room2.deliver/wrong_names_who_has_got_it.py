"""Returns the names of those who have got the line.

refused by: whoever has none is named
misconception: the-queue-absorbs-it
"""

import asyncio


class Outbox(asyncio.Queue):
    """The lines that wait for one client."""


def deliver(line, outboxes):
    got = []
    for name, outbox in outboxes.items():
        if not outbox.full():
            outbox.put_nowait(line)
            got.append(name)
    return got
