"""Raises the first error when all others have ended by themselves.

refused by: the first error stops the others, an error is raised when all have ended
misconception: first-error-stops-all
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    room = asyncio.Semaphore(n)

    async def run(maker):
        async with room:
            return await maker()

    async with asyncio.timeout(deadline):
        results = await asyncio.gather(*(run(maker) for maker in makers), return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return results
