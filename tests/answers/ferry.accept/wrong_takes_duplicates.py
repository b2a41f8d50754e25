"""Takes what came before once more.

refused by: a duplicate is acknowledged, not taken
misconception: udp-once
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
        return payload, (expected + 1) % 256, number
    if number < expected:
        return payload, expected, (expected - 1) % 256
    # answer anything else: say again what was taken last
    return None, expected, (expected - 1) % 256
