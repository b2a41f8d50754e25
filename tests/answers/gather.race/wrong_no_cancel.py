"""Waits for the others without cancelling them.

refused by: returns when the others have ended
misconception: cancel-stops-at-once
"""

import asyncio


async def race(makers):
    tasks = [asyncio.create_task(maker()) for maker in makers]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*pending, return_exceptions=True)
    return done.pop().result()
