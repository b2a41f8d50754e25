"""Calls all makers before the first coroutine runs.

refused by: a coroutine is made when it can begin
misconception: calling-runs-it
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    results = [None] * len(makers)
    waiting = iter(enumerate([maker() for maker in makers]))

    async def work():
        for number, coroutine in waiting:
            results[number] = await coroutine

    try:
        async with asyncio.timeout(deadline), asyncio.TaskGroup() as group:
            for _ in range(n):
                group.create_task(work())
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return results
