"""Ends at an empty line.

refused by: a record is read when it is wanted
misconception:
"""


async def records(reader):
    try:
        while line := await reader.read():
            yield line
    finally:
        await reader.close()
