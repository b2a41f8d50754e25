"""Believes that a piece which starts a frame holds all of its header.

refused by: Framer: one byte at a time, Framer: split inside a header, Framer: end inside a frame
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
        self.body = None
        self.missing = 0

    def feed(self, data):
        frames = []
        while data or (self.body is not None and not self.missing):
            if self.body is None:
                self.missing = int.from_bytes(data[:4], "big")
                if self.missing > self.limit:
                    raise ValueError(f"length {self.missing} is above the limit {self.limit}")
                self.body, data = bytearray(), data[4:]
            piece, data = data[: self.missing], data[self.missing :]
            self.body += piece
            self.missing -= len(piece)
            if self.missing:
                break
            frames.append(bytes(self.body))
            self.body = None
        return frames

    def end(self):
        if self.body is not None:
            raise EOFError("the stream ended inside a frame")
