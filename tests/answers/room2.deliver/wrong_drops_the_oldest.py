"""Makes room by dropping the oldest line.

refused by: whoever has none is named
misconception: the-queue-absorbs-it
"""

import asyncio


class Outbox(asyncio.Queue):
    """The lines that wait for one client."""


def deliver(line, outboxes):
    left_out = []
    for name, outbox in outboxes.items():
        if outbox.full():
            outbox.get_nowait()
            left_out.append(name)
        outbox.put_nowait(line)
    return left_out
