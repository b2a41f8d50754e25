"""Runs one after the other.

refused by: waits for those that end
misconception: stop-ends-what-is-in-flight
"""

import asyncio


async def land(flights, seconds):
    tasks, pending = [], []
    for each in flights:
        tasks.append(asyncio.create_task(each))
        pending += (await asyncio.wait(tasks[-1:], timeout=seconds))[1]
    for each in pending:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return len(pending)
