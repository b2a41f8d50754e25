"""Reads and writes the last two bytes of the header: no text of this course was longer.

refused by: the byte order of the header, a length above the limit is refused
misconception: byte-order-is-mine
"""


def frame(text):
    body = text.encode("utf-8")
    return bytes(2) + len(body).to_bytes(2, "big") + body


def body_length(header, limit):
    length = int.from_bytes(header[2:], "big")
    if length > limit:
        raise ValueError(f"length {length} is above the limit {limit}")
    return length
