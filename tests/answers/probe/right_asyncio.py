import asyncio


async def probe(host, port, deadline):
    try:
        async with asyncio.timeout(deadline):
            _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
    writer.close()
    await writer.wait_closed()
    return "open"
