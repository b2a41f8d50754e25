"""A semaphore of places, a first error by hand, and one loop over the tasks."""

import asyncio


class Gathering:
    def __init__(self, n):
        self.room = asyncio.Semaphore(n)
        self.failed = asyncio.get_running_loop().create_future()

    async def run(self, maker):
        async with self.room:
            if self.failed.done():
                return None
            try:
                return await maker()
            except Exception as error:
                if not self.failed.done():
                    self.failed.set_result(error)

    async def all(self, makers):
        tasks = [asyncio.create_task(self.run(maker)) for maker in makers]
        everything = asyncio.gather(*tasks)
        try:
            await asyncio.wait([everything, self.failed], return_when=asyncio.FIRST_COMPLETED)
            if self.failed.done():
                raise self.failed.result()
            return everything.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, everything, return_exceptions=True)


async def gather_bounded(n, makers, deadline):
    async with asyncio.timeout(deadline):
        return await Gathering(n).all(makers)
