"""Closes the reader at the end and at an error, and not when the caller leaves.

refused by: the reader is closed in any case
misconception:
"""


async def records(reader):
    try:
        while (line := await reader.read()) is not None:
            yield line
    except Exception:
        await reader.close()
        raise
    else:
        await reader.close()
