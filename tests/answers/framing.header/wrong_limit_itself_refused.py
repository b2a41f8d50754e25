"""Refuses a length that is equal to the limit.

refused by: a length above the limit is refused
misconception: length-can-be-trusted
"""


def frame(text):
    body = text.encode("utf-8")
    return len(body).to_bytes(4, "big") + body


def body_length(header, limit):
    length = int.from_bytes(header, "big")
    if length >= limit:
        raise ValueError(f"length {length} is above the limit {limit}")
    return length
