"""Keeps what is left of the newest piece, and forgets the pieces before it.

refused by: Framer: one byte at a time, Framer: a long body stays cheap
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
        self.rest = b""

    def feed(self, data):
        known = self.rest + data
        frames = []
        while len(known) >= 4:
            length = int.from_bytes(known[:4], "big")
            if length > self.limit:
                raise ValueError(f"length {length} is above the limit {self.limit}")
            if len(known) < 4 + length:
                break
            frames.append(known[4 : 4 + length])
            known = data = known[4 + length :]
        self.rest = data
        return frames

    def end(self):
        if self.rest:
            raise EOFError(f"{len(self.rest)} bytes of an unfinished frame")
