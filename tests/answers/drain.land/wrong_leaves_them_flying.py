"""Waits for all at the end, and cancels nobody.

refused by: cuts those that do not
misconception: stop-ends-what-is-in-flight
"""

import asyncio


async def land(flights, seconds):
    tasks = [asyncio.create_task(each) for each in flights]
    if not tasks:
        return 0
    _, pending = await asyncio.wait(tasks, timeout=seconds)
    return len(pending)
