"""Raises TimeoutError and leaves what has begun running.

refused by: the deadline is for the whole
misconception: timeout-per-item-is-total
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    results = [None] * len(makers)
    waiting = iter(enumerate(makers))

    async def work():
        for number, maker in waiting:
            results[number] = await maker()

    async def everything():
        async with asyncio.TaskGroup() as group:
            for _ in range(n):
                group.create_task(work())

    task = asyncio.create_task(everything())
    try:
        done, _ = await asyncio.wait([task], timeout=deadline)
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        raise
    if not done:
        raise TimeoutError
    try:
        task.result()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return results
