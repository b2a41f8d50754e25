"""Reads all of it, and looks at the size then.

refused by: stops where there is too much
misconception: bodies-are-small
"""

import httpx


async def size(url, most):
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(url)
        total = len(response.content)
        return total if total <= most else None
