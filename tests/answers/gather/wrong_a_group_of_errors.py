"""Lets the ExceptionGroup out.

refused by: the first error stops the others
misconception: first-error-stops-all
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    results = [None] * len(makers)
    waiting = iter(enumerate(makers))

    async def work():
        for number, maker in waiting:
            results[number] = await maker()

    async with asyncio.timeout(deadline), asyncio.TaskGroup() as group:
        for _ in range(n):
            group.create_task(work())
    return results
