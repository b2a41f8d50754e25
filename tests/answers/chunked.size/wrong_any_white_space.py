"""Takes any white space before the semicolon.

refused by: an extension says nothing
misconception:
"""

HEX = frozenset(b"0123456789abcdefABCDEF")
CONTROLS = (frozenset(range(0x20)) - {0x09}) | {0x7F}


def size_of(line):
    size, semicolon, extension = line.partition(b";")
    if semicolon:
        size = size.rstrip()
    if not (size and HEX.issuperset(size) and CONTROLS.isdisjoint(extension)):
        return None
    return int(size, 16)
