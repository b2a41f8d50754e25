"""Takes what the Content-Length says for the size.

refused by: is right to the byte
misconception: bodies-are-small
"""

import httpx


async def size(url, most):
    async with httpx.AsyncClient(trust_env=False) as client:
        async with client.stream("GET", url) as response:
            if "Content-Length" in response.headers:
                total = int(response.headers["Content-Length"])
                return total if total <= most else None
            total = 0
            async for piece in response.aiter_bytes():
                total += len(piece)
                if total > most:
                    return None
    return total
