"""Writes the length in network order, but reads it as this machine's memory holds it.

refused by: the byte order of the header
misconception: byte-order-is-mine
"""

import struct
import sys


def frame(text):
    body = text.encode("utf-8")
    return struct.pack(">I", len(body)) + body


def body_length(header, limit):
    length = int.from_bytes(header, sys.byteorder)
    if length > limit:
        raise ValueError(f"length {length} is above the limit {limit}")
    return length
