"""The Shop is itself a client; what it is made of closes it."""

import httpx

SIGNATURE = bytes.fromhex("89504e470d0a1a0a")


class Shop(httpx.Client):
    def __init__(self, url, key, most):
        super().__init__(
            trust_env=False,
            base_url=url,
            timeout=httpx.Timeout(5, pool=None),
            limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
            event_hooks={"response": [httpx.Response.raise_for_status]},
        )
        self.headers.update({"authorization": "Bearer " + key, "user-agent": "shop/1"})

    def price(self, item):
        return int(self.get(f"/items/{item}").json()["cents"])

    def size(self, item):
        head = bytearray()
        with self.stream("GET", f"/items/{item}/picture") as response:
            for piece in response.iter_raw():
                head += piece
                if len(head) >= 24:
                    break
            else:
                raise ValueError("the picture ends too early")
        if head[:8] != SIGNATURE:
            raise ValueError("not a PNG")
        return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])
