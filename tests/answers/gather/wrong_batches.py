"""Runs groups of n, and waits for the slowest of each.

refused by: the next begins when one ends
misconception:
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    tasks = []

    async def run(maker):
        return await maker()

    try:
        async with asyncio.timeout(deadline):
            for start in range(0, len(makers), n):
                batch = [asyncio.create_task(run(maker)) for maker in makers[start : start + n]]
                tasks += batch
                for first in asyncio.as_completed(batch):
                    await first
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]
