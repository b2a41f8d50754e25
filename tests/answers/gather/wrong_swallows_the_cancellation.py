"""Returns what there is when it is cancelled.

refused by: who is cancelled cancels its coroutines
misconception: a-task-runs-by-itself
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
    except asyncio.CancelledError:
        pass
    return results
