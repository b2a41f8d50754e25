"""Takes control characters in an extension.

refused by: an extension says nothing
misconception:
"""

HEX = frozenset(b"0123456789abcdefABCDEF")


def size_of(line):
    size, semicolon, _ = line.partition(b";")
    if semicolon:
        size = size.rstrip(b" \t")
    if not (size and HEX.issuperset(size)):
        return None
    return int(size, 16)
