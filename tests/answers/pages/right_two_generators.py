"""One generator of pages, one of their items; URLs as text, taken apart by urllib."""

from contextlib import aclosing
from urllib.parse import urljoin, urlsplit

import httpx


async def items(url, token, clock):
    async with aclosing(documents(url, token, clock)) as pages:
        async for page in pages:
            for item in page["items"]:
                yield item


async def documents(url, token, clock):
    start = urlsplit(url)
    asked = []
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            asked.append(url)
            page = await document(client, url, token, clock)
            yield page
            if page.get("next") is None:
                break
            url = urljoin(url, page["next"])
            at = urlsplit(url)
            if (at.scheme, at.hostname, at.port) != (start.scheme, start.hostname, start.port):
                raise ValueError(f"{url} is somewhere else")
            if url in asked:
                raise ValueError(f"{url} again")


async def document(client, url, token, clock):
    waited = 0
    while True:
        response = await client.get(url, headers={"Authorization": "Bearer " + token})
        if response.status_code == 429 and waited < 4 and "retry-after" in response.headers:
            await clock.sleep(float(response.headers["retry-after"]))
            waited += 1
            continue
        response.raise_for_status()
        match response.json():
            case {"items": list(), "next": str() | None} as page:
                return page
            case {"items": list()} as page if "next" not in page:
                return page
        raise ValueError("this is no page")
