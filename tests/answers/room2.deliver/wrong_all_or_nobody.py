"""Gives the line to nobody when somebody has no room.

refused by: whoever has room gets the line
misconception: one-client-one-exception
"""

import asyncio


class Outbox(asyncio.Queue):
    """The lines that wait for one client."""


def deliver(line, outboxes):
    full = [name for name, outbox in outboxes.items() if outbox.full()]
    if not full:
        for outbox in outboxes.values():
            outbox.put_nowait(line)
    return full
