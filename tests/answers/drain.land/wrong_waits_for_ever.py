"""Waits for all, for as long as it takes.

refused by: cuts those that do not
misconception: stop-ends-what-is-in-flight
"""

import asyncio


async def land(flights, seconds):
    tasks = [asyncio.create_task(each) for each in flights]
    if not tasks:
        return 0
    _, pending = await asyncio.wait(tasks)
    for each in pending:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return len(pending)
