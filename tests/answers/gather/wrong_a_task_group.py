"""Leaves its end to a TaskGroup: what a coroutine raises when it is cancelled takes the place of
TimeoutError and CancelledError, and behind one that returns the next one begins.

refused by: the first error stops the others, the deadline is for the whole, who is cancelled
  cancels its coroutines
misconception: first-error-stops-all
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    results = [None] * len(makers)
    waiting = iter(enumerate(makers))

    async def work():
        for number, maker in waiting:
            results[number] = await maker()

    try:
        async with asyncio.timeout(deadline), asyncio.TaskGroup() as group:
            for _ in range(n):
                group.create_task(work())
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return results
