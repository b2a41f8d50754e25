"""Gives a place back on the way out of an error, and the next one begins.

refused by: the first error stops the others
misconception: first-error-stops-all
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    room = asyncio.Semaphore(n)

    async def run(maker):
        async with room:
            return await maker()

    try:
        async with asyncio.timeout(deadline), asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(maker)) for maker in makers]
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return [task.result() for task in tasks]
