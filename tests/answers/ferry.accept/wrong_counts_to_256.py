"""Expects 256 after 255.

refused by: the next one is taken, and 0 follows 255
misconception: sequence-never-wraps
"""

import struct


def accept(expected, datagram):
    # a header, and the payload that it announces: everything else is damaged, and gets no reply
    if len(datagram) < 4:
        return None, expected, None
    kind, number, length = struct.unpack("!cBH", datagram[:4])
    payload = datagram[4:]
    if kind != b"D" or length != len(payload):
        return None, expected, None
    # take what is next
    if number == expected:
        return payload, expected + 1, number
    # answer anything else: say again what was taken last
    return None, expected, (expected - 1) % 256
