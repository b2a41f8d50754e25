"""n workers that take the next maker, in a TaskGroup."""

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
