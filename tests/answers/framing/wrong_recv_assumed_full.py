"""Believes that recv(n) returns n bytes.

refused by: read_frame: one byte at a time, read_frame: the next call returns the next frame, read_frame: end inside a frame
misconception: recv-fills-the-buffer
"""  # noqa: E501


def read_frame(sock, limit=1_048_576):
    header = sock.recv(4)
    if not header:
        return None
    length = int.from_bytes(header, "big")
    if length > limit:
        raise ValueError(f"length {length} is above the limit {limit}")
    return sock.recv(length) if length else b""


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
