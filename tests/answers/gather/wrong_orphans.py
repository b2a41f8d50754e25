"""Ends its tasks after an error and a deadline, and not when it is cancelled.

refused by: who is cancelled cancels its coroutines
misconception: a-task-runs-by-itself
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    tasks = []
    waiting = list(reversed(makers))
    try:
        async with asyncio.timeout(deadline):
            running = set()
            while waiting or running:
                while waiting and len(running) < n:
                    task = asyncio.create_task(run(waiting.pop()))
                    tasks.append(task)
                    running.add(task)
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
    except Exception:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    return [task.result() for task in tasks]


async def run(maker):
    return await maker()
