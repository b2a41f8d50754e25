"""Lets asyncio.gather keep the errors among the results.

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
        return await asyncio.gather(*(run(maker) for maker in makers), return_exceptions=True)
