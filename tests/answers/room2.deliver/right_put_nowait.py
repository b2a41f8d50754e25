"""Tries each outbox."""

import asyncio


class Outbox(asyncio.Queue):
    """The lines that wait for one client."""


def deliver(line, outboxes):
    left_out = []
    for name, outbox in outboxes.items():
        try:
            outbox.put_nowait(line)
        except asyncio.QueueFull:
            left_out.append(name)
    return left_out
