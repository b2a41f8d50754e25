"""Cancels, and does not wait.

refused by: cuts those that do not
misconception: stop-ends-what-is-in-flight
"""

import asyncio


async def land(flights, seconds):
    tasks = [asyncio.create_task(each) for each in flights]
    if not tasks:
        return 0
    _, pending = await asyncio.wait(tasks, timeout=seconds)
    for each in pending:
        each.cancel()
    return len(pending)
