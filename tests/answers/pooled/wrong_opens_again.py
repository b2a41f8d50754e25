"""Makes a new client when it is used behind close.

refused by: close closes, for good
misconception:
"""

import struct

import httpx


class Shop:
    def __init__(self, url, key, most):
        self.settings = {
            "base_url": url,
            "headers": {"Authorization": f"Bearer {key}", "User-Agent": "shop/1"},
            "limits": httpx.Limits(max_connections=most),
            "trust_env": False,
        }
        self.kept = httpx.Client(**self.settings)

    @property
    def client(self):
        if self.kept.is_closed:
            self.kept = httpx.Client(**self.settings)
        return self.kept

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
        self.kept.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
