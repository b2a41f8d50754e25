"""Counts the bytes that come over the network.

refused by: is right to the byte
misconception: bodies-are-small
"""

import httpx


async def size(url, most):
    async with httpx.AsyncClient(trust_env=False) as client:
        async with client.stream("GET", url) as response:
            total = 0
            async for piece in response.aiter_raw():
                total += len(piece)
                if total > most:
                    return None
    return total
