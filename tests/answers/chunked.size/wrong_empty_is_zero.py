"""Takes a size of nothing for 0.

refused by: a size is hexadecimal digits, an extension says nothing
misconception: int-reads-digits-only
"""

HEX = frozenset(b"0123456789abcdefABCDEF")
CONTROLS = (frozenset(range(0x20)) - {0x09}) | {0x7F}


def size_of(line):
    size, semicolon, extension = line.partition(b";")
    if semicolon:
        size = size.rstrip(b" \t")
    if not (HEX.issuperset(size) and CONTROLS.isdisjoint(extension)):
        return None
    return int(size or b"0", 16)
