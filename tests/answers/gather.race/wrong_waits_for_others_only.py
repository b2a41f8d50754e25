"""Waits for the others, and expects that there are some.

refused by: returns when the others have ended
misconception:
"""

import asyncio


async def race(makers):
    tasks = [asyncio.create_task(maker()) for maker in makers]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.wait(pending)
    return done.pop().result()
