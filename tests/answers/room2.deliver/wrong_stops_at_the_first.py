"""Stops at the first who has no room.

refused by: whoever has room gets the line, whoever has none is named
misconception: one-client-one-exception
"""

import asyncio


class Outbox(asyncio.Queue):
    """The lines that wait for one client."""


def deliver(line, outboxes):
    try:
        for name, outbox in outboxes.items():
            outbox.put_nowait(line)
    except asyncio.QueueFull:
        return [name]
    return []
