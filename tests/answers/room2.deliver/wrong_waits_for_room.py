"""Waits until there is room.

refused by: whoever has room gets the line, whoever has none is named
misconception: the-queue-absorbs-it
"""

import asyncio


class Outbox(asyncio.Queue):
    """The lines that wait for one client."""


async def deliver(line, outboxes):
    for outbox in outboxes.values():
        await outbox.put(line)
    return []
