"""Takes 7f in an extension: it forbids the bytes below 20 only.

refused by: an extension says nothing
misconception:
"""

HEX = frozenset(b"0123456789abcdefABCDEF")
CONTROLS = frozenset(range(0x20)) - {0x09}


def size_of(line):
    size, semicolon, extension = line.partition(b";")
    if semicolon:
        size = size.rstrip(b" \t")
    if not (size and HEX.issuperset(size) and CONTROLS.isdisjoint(extension)):
        return None
    return int(size, 16)
