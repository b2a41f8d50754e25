"""Keeps what it read too much in the module, whichever socket it came from.

refused by: read_frame: two connections at once
misconception: one-buffer-is-enough
"""

rest = bytearray()


def recv_exact(sock, n):
    while len(rest) < n:
        piece = sock.recv(4096)
        if not piece:
            rest.clear()
            raise EOFError(f"the stream ended before {n} bytes were there")
        rest.extend(piece)
    data = bytes(rest[:n])
    del rest[:n]
    return data


def read_frame(sock, limit=1_048_576):
    if not rest:
        rest.extend(sock.recv(4096))
    if not rest:
        return None
    length = int.from_bytes(recv_exact(sock, 4), "big")
    if length > limit:
        raise ValueError(f"length {length} is above the limit {limit}")
    return recv_exact(sock, length)


class Framer:
    def __init__(self, limit=1_048_576):
        self.limit = limit
        self.buffer = bytearray()

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
