"""Builds and sends each request, and closes each response, by hand."""

import json
import struct
from contextlib import AbstractContextManager, closing

import httpx


class Shop(AbstractContextManager):
    def __init__(self, url, key, most):
        transport = httpx.HTTPTransport(limits=httpx.Limits(max_connections=most), trust_env=False)
        self._http = httpx.Client(transport=transport, trust_env=False)
        self._url = url.rstrip("/")
        self._http.headers = {"Authorization": f"Bearer {key}", "User-Agent": "shop/1"}

    def _open(self, *path):
        request = self._http.build_request("GET", "/".join([self._url, "items", *path]))
        response = self._http.send(request, stream=True)
        if response.is_success:
            return response
        response.close()
        raise httpx.HTTPStatusError(response.reason_phrase, request=request, response=response)

    def price(self, item):
        with closing(self._open(item)) as response:
            return json.loads(response.read())["cents"]

    def size(self, item):
        head = b""
        with closing(self._open(item, "picture")) as response:
            for piece in response.iter_bytes():
                head = (head + piece)[:24]
                if len(head) == 24:
                    break
        try:
            signature, width, height = struct.unpack("!8s8xII", head)
        except struct.error:
            raise ValueError(f"{len(head)} bytes are no PNG") from None
        if signature[1:4] != b"PNG":
            raise ValueError("this is another kind of picture")
        return width, height

    def close(self):
        self._http.close()

    def __exit__(self, kind, error, traceback):
        self.close()
