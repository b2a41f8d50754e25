"""Sends a request of its own making, and keeps the pieces."""

import httpx


async def size(url, most):
    body = bytearray()
    client = httpx.AsyncClient(timeout=10, trust_env=False)
    try:
        response = await client.send(client.build_request("GET", url), stream=True)
        try:
            async for piece in response.aiter_bytes(100):
                body.extend(piece)
                if len(body) > most:
                    break
        finally:
            await response.aclose()
    finally:
        await client.aclose()
    return len(body) if len(body) <= most else None
