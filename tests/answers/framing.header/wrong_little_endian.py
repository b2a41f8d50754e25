"""Writes and reads the length in the byte order of most processors.

refused by: the byte order of the header
misconception: byte-order-is-mine
"""


def frame(text):
    body = text.encode("utf-8")
    return len(body).to_bytes(4, "little") + body


def body_length(header, limit):
    length = int.from_bytes(header, "little")
    if length > limit:
        raise ValueError(f"length {length} is above the limit {limit}")
    return length
