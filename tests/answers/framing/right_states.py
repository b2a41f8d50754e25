import struct

LIMIT = 1 << 20


def read_frame(sock, limit: int = LIMIT) -> bytes | None:
    """One frame, by a Framer that is never given more than it needs."""
    framer = Framer(limit)
    while True:
        data = sock.recv(min(framer.missing, 65536))
        if not data:
            framer.end()
            return None
        for body in framer.feed(data):
            return body


class Framer:
    """Collects either a header or a body, in `pieces`, of which `missing` bytes are due."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._expect(4, in_header=True)

    def _expect(self, wanted: int, in_header: bool) -> None:
        self.missing = wanted
        self.in_header = in_header
        self.pieces: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        frames = []
        view = memoryview(data)
        while True:
            taken = view[: self.missing]
            view = view[len(taken) :]
            self.missing -= len(taken)
            if taken:
                self.pieces.append(bytes(taken))
            if self.missing:
                return frames
            whole = b"".join(self.pieces)
            if self.in_header:
                (length,) = struct.unpack("!L", whole)
                if length > self.limit:
                    raise ValueError(f"frame of {length} bytes refused")
                self._expect(length, in_header=False)
            else:
                frames.append(whole)
                self._expect(4, in_header=True)

    def end(self) -> None:
        if not self.in_header or self.missing < 4:
            raise EOFError("the stream ended inside a frame")
