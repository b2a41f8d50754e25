"""The buffer is an attribute of the class, so all connections write into one.

refused by: Framer: end inside a frame, Framer: two connections at once
misconception: one-buffer-is-enough
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
    buffer = bytearray()

    def __init__(self, limit=1_048_576):
        self.limit = limit

    def feed(self, data):
        self.buffer += data
        frames = []
        while len(self.buffer) >= 4:
            length = int.from_bytes(self.buffer[:4], "big")
            if length > self.limit:
                raise ValueError(f"length {length} is above the limit {self.limit}")
            if len(self.buffer) < 4 + length:
                break
            frames.append(bytes(self.buffer[4 : 4 + length]))
            del self.buffer[: 4 + length]
        return frames

    def end(self):
        if self.buffer:
            raise EOFError(f"{len(self.buffer)} bytes of an unfinished frame")
