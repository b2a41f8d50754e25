"""Notes results in the order in which they come.

refused by: results in the order given
misconception:
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    results = []
    waiting = iter(makers)

    async def work():
        for maker in waiting:
            results.append(await maker())

    try:
        async with asyncio.timeout(deadline), asyncio.TaskGroup() as group:
            for _ in range(n):
                group.create_task(work())
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return results
