"""Makes a client for each page.

refused by: one connection, and it is closed
misconception:
"""

import httpx

TRIES = 5


async def items(url, token, clock):
    fields = {"Authorization": f"Bearer {token}"}
    url, seen = httpx.URL(url), set()
    origin = origin_of(url)
    while True:
        seen.add(url)
        async with httpx.AsyncClient(headers=fields, trust_env=False) as client:
            found, following = parsed(await fetch(client, url, clock))
        for item in found:
            yield item
        if following is None:
            return
        url = url.join(following)
        if origin_of(url) != origin:
            raise ValueError(f"the next page is at another origin: {url}")
        if url in seen:
            raise ValueError(f"the next page has been there: {url}")


def origin_of(url):
    return url.scheme, url.host, url.port


async def fetch(client, url, clock):
    """The page at a URL, when it is not 429."""
    for tries_left in reversed(range(TRIES)):
        response = await client.get(url)
        wait = response.headers.get("Retry-After")
        if response.status_code != 429 or wait is None or not tries_left:
            response.raise_for_status()
            return response
        await clock.sleep(int(wait))


def parsed(response):
    """The items of a page, and its reference to the next one, or None."""
    page = response.json()
    if not isinstance(page, dict):
        raise ValueError("a page is an object")
    found, following = page.get("items"), page.get("next")
    if not isinstance(found, list) or not isinstance(following, str | None):
        raise ValueError("a page has a list of items, and a reference to the next one or none")
    return found, following
