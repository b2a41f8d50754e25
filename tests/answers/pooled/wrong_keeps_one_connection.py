"""Keeps one connection of those that were used at once.

refused by: calls in a row take one connection
misconception: a-client-per-call-is-free
"""

import struct

import httpx


class Shop:
    def __init__(self, url, key, most):
        self.client = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}", "User-Agent": "shop/1"},
            limits=httpx.Limits(max_connections=most, max_keepalive_connections=1),
            trust_env=False,
        )

    def price(self, item):
        response = self.client.get(f"items/{item}")
        response.raise_for_status()
        return response.json()["cents"]

    def size(self, item):
        with self.client.stream("GET", f"items/{item}/picture") as response:
            response.raise_for_status()
            head = next(response.iter_bytes(24), b"")
        if len(head) < 24 or not head.startswith(b"\x89PNG\r\n\x1a\n"):
            raise ValueError(f"no PNG: {head!r}")
        return struct.unpack(">II", head[16:])

    def close(self):
        self.client.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
