"""Closes the reader behind the last line only.

refused by: the reader is closed in any case
misconception:
"""


async def records(reader):
    while (line := await reader.read()) is not None:
        yield line
    await reader.close()
