"""What one raises ends the wait.

refused by: waits for those that end
misconception: stop-ends-what-is-in-flight
"""

import asyncio


async def land(flights, seconds):
    tasks = [asyncio.create_task(each) for each in flights]
    if not tasks:
        return 0
    _, pending = await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    for each in pending:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return len(pending)
