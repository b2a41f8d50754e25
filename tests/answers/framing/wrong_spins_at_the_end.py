"""Has no test for the end of the stream, so it reads b'' for ever.

refused by: read_frame: end between frames, read_frame: end inside a frame
misconception: eof-is-an-exception
"""


def recv_exact(sock, n):
    data = bytearray()
    while len(data) < n:
        data += sock.recv(n - len(data))
    return bytes(data)


def read_frame(sock, limit=1_048_576):
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
