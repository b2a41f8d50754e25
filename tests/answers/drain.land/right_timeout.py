"""A timeout around a gather that is shielded."""

import asyncio


async def land(flights, seconds):
    tasks = list(map(asyncio.ensure_future, flights))
    everything = asyncio.gather(*tasks, return_exceptions=True)
    try:
        async with asyncio.timeout(seconds):
            await asyncio.shield(everything)
    except TimeoutError:
        cut = sum(each.cancel() for each in tasks)
        await everything
        return cut
    return 0
