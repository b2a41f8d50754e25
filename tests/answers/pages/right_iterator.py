"""A class with __anext__ and aclose in the place of a generator."""

import json
from collections import deque
from dataclasses import dataclass

import httpx


@dataclass
class Page:
    items: list
    next: str | None = None

    def __post_init__(self):
        if type(self.items) is not list or type(self.next) not in (str, type(None)):
            raise ValueError("items or next are not what they should be")


class items:
    def __init__(self, url, token, clock):
        self.next = self.url = httpx.URL(url)
        self.token, self.clock = token, clock
        self.been, self.left = set(), deque()
        self.client = None

    def __aiter__(self):
        return self

    async def __anext__(self):
        try:
            while not self.left:
                if self.next is None:
                    raise StopAsyncIteration
                await self.turn()
            return self.left.popleft()
        except BaseException:
            await self.aclose()
            raise

    async def turn(self):
        self.client = self.client or httpx.AsyncClient(trust_env=False)
        first, self.url = self.url, self.next
        if any(getattr(first, name) != getattr(self.url, name) for name in ("scheme", "netloc")):
            raise ValueError("another origin")
        if self.url in self.been:
            raise ValueError("a circle")
        self.been.add(self.url)
        page = self.page_of(await self.response())
        self.left.extend(page.items)
        self.next = None if page.next is None else self.url.join(page.next)

    async def response(self, tries=1):
        auth = {"Authorization": f"Bearer {self.token}"}
        async with self.client.stream("GET", self.url, headers=auth) as response:
            await response.aread()
        if response.status_code == 429 and tries < 5 and "Retry-After" in response.headers:
            await self.clock.sleep(int(response.headers["Retry-After"]))
            return await self.response(tries + 1)
        return response.raise_for_status()

    def page_of(self, response):
        document = json.loads(response.content)
        if not isinstance(document, dict):
            raise ValueError("no object")
        known = {name: document[name] for name in ("items", "next") if name in document}
        try:
            return Page(**known)
        except TypeError as missing:
            raise ValueError("no items") from missing

    async def aclose(self):
        if self.client:
            await self.client.aclose()
