import io


def read_frame(sock, limit=2**20):
    header = read_up_to(sock, 4)
    if header == b"":
        return None
    if len(header) < 4:
        raise EOFError("the stream ended inside a header")
    length = int.from_bytes(header, "big")
    if length > limit:
        raise ValueError(f"{length} bytes announced, {limit} allowed")
    body = read_up_to(sock, length)
    if len(body) < length:
        raise EOFError("the stream ended inside a body")
    return body


def read_up_to(sock, n):
    out = io.BytesIO()
    while n > 0:
        got = sock.recv(n)
        if len(got) == 0:
            break
        n -= out.write(got)
    return out.getvalue()


class Framer:
    """A generator asks for a number of bytes and is resumed when they are there."""

    def __init__(self, limit=2**20):
        self._limit = limit
        self._waiting = bytearray()
        self._ready = []
        self._parser = self._parse()
        self._need = next(self._parser)

    def _parse(self):
        while True:
            self._between = True
            length = int.from_bytes((yield 4), "big")
            self._between = False
            if length > self._limit:
                raise ValueError(f"{length} bytes announced, {self._limit} allowed")
            body = yield length
            self._ready.append(body)

    def feed(self, data):
        self._waiting.extend(data)
        while len(self._waiting) >= self._need:
            chunk = bytes(self._waiting[: self._need])
            del self._waiting[: self._need]
            self._need = self._parser.send(chunk)
        ready, self._ready = self._ready, []
        return ready

    def end(self):
        if self._waiting or not self._between:
            raise EOFError("unfinished frame")
