"""Notes results in the order in which they come.

refused by: results in the order given
misconception:
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    results, errors = [], []
    waiting = list(makers)  # those that have not begun

    async def work():
        try:
            while waiting:
                maker = waiting.pop(0)
                results.append(await maker())
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
