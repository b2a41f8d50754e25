"""Believes every length that it reads.

refused by: a length above the limit is refused
misconception: length-can-be-trusted
"""


def frame(text):
    body = text.encode("utf-8")
    return len(body).to_bytes(4, "big") + body


def body_length(header, limit):
    return int.from_bytes(header, "big")
