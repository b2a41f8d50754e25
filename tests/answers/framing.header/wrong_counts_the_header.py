"""The length includes the four bytes of the header itself.

refused by: the byte order of the header, the header counts bytes
misconception: text-is-bytes
"""


def frame(text):
    body = text.encode("utf-8")
    return (4 + len(body)).to_bytes(4, "big") + body


def body_length(header, limit):
    length = int.from_bytes(header, "big")
    if length > limit:
        raise ValueError(f"length {length} is above the limit {limit}")
    return length
