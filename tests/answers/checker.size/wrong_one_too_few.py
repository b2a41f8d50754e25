"""Takes as many bytes as are permitted for too many.

refused by: is right to the byte
misconception: bodies-are-small
"""

import httpx


async def size(url, most):
    async with httpx.AsyncClient(trust_env=False) as client:
        async with client.stream("GET", url) as response:
            total = 0
            async for piece in response.aiter_bytes():
                total += len(piece)
                if total >= most:
                    return None
    return total
