"""Gives the others one turn of the loop.

refused by: returns when the others have ended
misconception: cancel-stops-at-once
"""

import asyncio


async def race(makers):
    tasks = [asyncio.create_task(maker()) for maker in makers]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.sleep(0)
    return done.pop().result()
