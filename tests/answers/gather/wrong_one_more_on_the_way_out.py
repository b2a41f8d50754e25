"""Gives a place back on the way out of an error, and the next one begins.

refused by: the first error stops the others
misconception: first-error-stops-all
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    room = asyncio.Semaphore(n)
    errors = []

    async def run(maker):
        async with room:
            try:
                return await maker()
            except Exception as error:
                errors.append(error)
                raise

    tasks = [asyncio.create_task(run(maker)) for maker in makers]
    try:
        async with asyncio.timeout(deadline):
            await asyncio.gather(*tasks)
    except (TimeoutError, asyncio.CancelledError):
        raise
    except Exception:
        raise errors[0] from None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return [task.result() for task in tasks]
