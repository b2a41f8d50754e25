"""Awaits one coroutine after the other.

refused by: results in the order given, n at once, and no more, the next begins when one ends, the
  first error stops the others, an error is raised when all have ended, the deadline is for the
  whole, who is cancelled cancels its coroutines
misconception:
"""

import asyncio


async def gather_bounded(n, makers, deadline):
    async with asyncio.timeout(deadline):
        return [await maker() for maker in makers]
