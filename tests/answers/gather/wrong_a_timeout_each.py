"""Gives the deadline to each coroutine.

refused by: the deadline is for the whole
misconception: timeout-per-item-is-total
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    results = [None] * len(makers)
    waiting = iter(enumerate(makers))

    async def work():
        for number, maker in waiting:
            async with asyncio.timeout(deadline):
                results[number] = await maker()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(n):
                group.create_task(work())
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return results
