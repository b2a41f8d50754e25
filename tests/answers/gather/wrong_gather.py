"""Leaves the others running when asyncio.gather passes the first error on.

refused by: the first error stops the others, an error is raised when all have ended, the deadline
  is for the whole, who is cancelled cancels its coroutines
misconception: first-error-stops-all
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    room = asyncio.Semaphore(n)

    async def run(maker):
        async with room:
            return await maker()

    async with asyncio.timeout(deadline):
        return await asyncio.gather(*(run(maker) for maker in makers))
