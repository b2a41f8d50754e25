"""Collects pieces in a list, and joins them all again whenever one arrives.

refused by: Framer: a long body stays cheap
misconception: copying-is-free
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
        self.pieces = []

    def feed(self, data):
        self.pieces.append(data)
        known = b"".join(self.pieces)
        frames, at = [], 0
        while len(known) - at >= 4:
            length = int.from_bytes(known[at : at + 4], "big")
            if length > self.limit:
                raise ValueError(f"length {length} is above the limit {self.limit}")
            if len(known) - at < 4 + length:
                break
            frames.append(known[at + 4 : at + 4 + length])
            at += 4 + length
        if at:
            self.pieces = [known[at:]]
        return frames

    def end(self):
        if any(self.pieces):
            raise EOFError("the stream ended inside a frame")
