"""Waits for the others with asyncio.gather."""

import asyncio


async def race(makers):
    tasks = [asyncio.create_task(maker()) for maker in makers]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    return done.pop().result()
