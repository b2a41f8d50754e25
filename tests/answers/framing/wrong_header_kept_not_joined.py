"""Puts a piece of a header in the place of the pieces before it: it forgot the +.

refused by: Framer: one byte at a time
misconception: recv-is-a-message
"""


def recv_exact(sock, n):
    data = bytearray()
    while len(data) < n:
        piece = sock.recv(n - len(data))
        if not piece:
            raise EOFError(f"the stream ended after {len(data)} of {n} bytes")
        data += piece
    return bytes(data)


def read_frame(sock, limit=1_048_576):
    first = sock.recv(1)
    if not first:
        return None
    length = int.from_bytes(first + recv_exact(sock, 3), "big")
    if length > limit:
        raise ValueError(f"length {length} is above the limit {limit}")
    return recv_exact(sock, length)


class Framer:
    def __init__(self, limit=1_048_576):
        self.limit = limit
        self.header = b""
        self.body = None
        self.missing = 0

    def feed(self, data):
        frames = []
        while data or (self.body is not None and not self.missing):
            if self.body is None:
                if len(self.header) + len(data) < 4:
                    self.header = data
                    break
                needed = 4 - len(self.header)
                self.missing = int.from_bytes(self.header + data[:needed], "big")
                self.header, data = b"", data[needed:]
                if self.missing > self.limit:
                    raise ValueError(f"length {self.missing} is above the limit {self.limit}")
                self.body = bytearray()
            piece, data = data[: self.missing], data[self.missing :]
            self.body += piece
            self.missing -= len(piece)
            if self.missing:
                break
            frames.append(bytes(self.body))
            self.body = None
        return frames

    def end(self):
        if self.header or self.body is not None:
            raise EOFError("the stream ended inside a frame")
