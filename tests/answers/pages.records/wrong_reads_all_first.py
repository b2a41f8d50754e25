"""Reads all lines, and then yields them.

refused by: a record is read when it is wanted
misconception:
"""


async def records(reader):
    try:
        lines = []
        while (line := await reader.read()) is not None:
            lines.append(line)
        for line in lines:
            yield line
    finally:
        await reader.close()
