"""Announces the length of the str, so that the body is longer than its header says.

refused by: the header counts bytes
misconception: text-is-bytes
"""


def frame(text):
    return len(text).to_bytes(4, "big") + text.encode("utf-8")


def body_length(header, limit):
    length = int.from_bytes(header, "big")
    if length > limit:
        raise ValueError(f"length {length} is above the limit {limit}")
    return length
