"""Raises all errors in a group.

refused by: the first error stops the others
misconception:
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    results, errors = [None] * len(makers), []
    waiting = list(enumerate(makers))  # those that have not begun

    async def work():
        try:
            while waiting:
                number, maker = waiting.pop(0)
                results[number] = await maker()
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
        raise ExceptionGroup("errors", errors)
    return results
