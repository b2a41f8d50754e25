"""Calls all makers before the first coroutine runs.

refused by: a coroutine is made when it can begin
misconception: calling-runs-it
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    results, errors = [None] * len(makers), []
    waiting = list(enumerate([maker() for maker in makers]))  # those that have not begun

    async def work():
        try:
            while waiting:
                number, coroutine = waiting.pop(0)
                results[number] = await coroutine
        except Exception as error:
            waiting.clear()
            errors.append(error)  # the first in time stands first
            raise

    workers = [asyncio.create_task(work()) for _ in range(n)]
    try:
        async with asyncio.timeout(deadline):
            await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        waiting.clear()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    if errors:
        raise errors[0]
    return results
