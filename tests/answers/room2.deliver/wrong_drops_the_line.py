"""Drops the line of who has no room, and says so to nobody.

refused by: whoever has none is named
misconception: the-queue-absorbs-it
"""

import asyncio


class Outbox(asyncio.Queue):
    """The lines that wait for one client."""


def deliver(line, outboxes):
    for outbox in outboxes.values():
        if not outbox.full():
            outbox.put_nowait(line)
    return []
