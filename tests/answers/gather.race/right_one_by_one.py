"""Waits for one of the others after the other."""

import asyncio


async def race(makers):
    tasks = {asyncio.create_task(maker()) for maker in makers}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    while pending:
        _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
    return done.pop().result()
