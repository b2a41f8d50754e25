"""Cancels the others after an error, and does not wait for them.

refused by: an error is raised when all have ended
misconception: cancel-stops-at-once
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
    except (asyncio.CancelledError, TimeoutError):
        await ended(tasks)
        raise
    except Exception:
        for task in tasks:
            task.cancel()
        raise
    return [task.result() for task in tasks]


async def ended(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def run(maker):
    return await maker()
