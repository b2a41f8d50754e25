"""Runs groups of n, and waits for the slowest of each.

refused by: the next begins when one ends
misconception:
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    results = []

    async def run(maker):
        return await maker()

    try:
        async with asyncio.timeout(deadline):
            for start in range(0, len(makers), n):
                async with asyncio.TaskGroup() as group:
                    batch = [group.create_task(run(each)) for each in makers[start : start + n]]
                results += [task.result() for task in batch]
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return results
