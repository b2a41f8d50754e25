"""Makes tasks, and asks asyncio.wait."""

import asyncio


async def land(flights, seconds):
    tasks = [asyncio.create_task(each) for each in flights]
    if not tasks:
        return 0
    _, pending = await asyncio.wait(tasks, timeout=seconds)
    for each in pending:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return len(pending)
