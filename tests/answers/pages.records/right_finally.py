"""One line, one record, and finally."""


async def records(reader):
    try:
        while (line := await reader.read()) is not None:
            yield line
    finally:
        await reader.close()
