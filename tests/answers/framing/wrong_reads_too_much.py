"""Reads 4096 bytes at a time and drops what lies behind its frame.

refused by: read_frame: the next call returns the next frame
misconception: recv-is-a-message
"""


def read_frame(sock, limit=1_048_576):
    data = bytearray()
    while len(data) < 4 or len(data) < 4 + int.from_bytes(data[:4], "big"):
        if len(data) >= 4 and int.from_bytes(data[:4], "big") > limit:
            raise ValueError("a length above the limit")
        piece = sock.recv(4096)
        if not piece and not data:
            return None
        if not piece:
            raise EOFError(f"the stream ended after {len(data)} bytes of a frame")
        data += piece
    length = int.from_bytes(data[:4], "big")
    if length > limit:
        raise ValueError(f"length {length} is above the limit {limit}")
    return bytes(data[4 : 4 + length])


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
