"""Begins n at first, and then tops up to one more.

refused by: n at once, and no more
misconception:
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    tasks = []
    waiting = list(reversed(makers))
    try:
        async with asyncio.timeout(deadline):
            running = set()
            while waiting or running:
                while waiting and len(running) < n + (len(tasks) > n):
                    task = asyncio.create_task(run(waiting.pop()))
                    tasks.append(task)
                    running.add(task)
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]


async def run(maker):
    return await maker()
