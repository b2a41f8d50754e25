"""Begins all at once.

refused by: n at once, and no more, the first error stops the others, the deadline is for the
  whole, who is cancelled cancels its coroutines
misconception: first-error-stops-all
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    async def run(maker):
        return await maker()

    try:
        async with asyncio.timeout(deadline), asyncio.TaskGroup() as group:
            tasks = [group.create_task(run(maker)) for maker in makers]
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    return [task.result() for task in tasks]
