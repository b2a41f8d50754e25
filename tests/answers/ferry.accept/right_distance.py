"""Looks at the distance from the expected number, and at the whole header at once."""


def accept(expected, datagram):
    payload = datagram[4:]
    if datagram[:1] != b"D" or datagram[2:4] != len(payload).to_bytes(2, "big"):
        return (None, expected, None)
    distance = (datagram[1] - expected) % 256
    if distance:
        return (None, expected, (expected + 255) % 256)
    return (payload, (expected + 1) % 256, expected)
