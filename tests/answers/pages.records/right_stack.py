"""A stack that closes what was handed over."""

from contextlib import AsyncExitStack


async def records(reader):
    async with AsyncExitStack() as stack:
        stack.push_async_callback(reader.close)
        while True:
            line = await reader.read()
            if line is None:
                break
            yield line
