"""Raises when nothing is in flight.

refused by: waits for those that end
misconception: stop-ends-what-is-in-flight
"""

import asyncio


async def land(flights, seconds):
    tasks = [asyncio.create_task(each) for each in flights]
    _, pending = await asyncio.wait(tasks, timeout=seconds)
    for each in pending:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return len(pending)
