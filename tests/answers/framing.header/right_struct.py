import struct

HEADER = struct.Struct("!I")


def frame(text: str) -> bytes:
    encoded = bytes(text, "utf-8")
    return HEADER.pack(len(encoded)) + encoded


def body_length(header: bytes, limit: int) -> int:
    (length,) = HEADER.unpack(header)
    if not 0 <= length <= limit:
        raise ValueError("frame too long")
    return length
