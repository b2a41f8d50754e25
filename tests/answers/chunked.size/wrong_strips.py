"""Strips blanks off a size that has no extension.

refused by: a size is hexadecimal digits, an extension says nothing
misconception: int-reads-digits-only
"""

HEX = frozenset(b"0123456789abcdefABCDEF")
CONTROLS = (frozenset(range(0x20)) - {0x09}) | {0x7F}


def size_of(line):
    size, _, extension = line.partition(b";")
    size = size.strip()
    if not (size and HEX.issuperset(size) and CONTROLS.isdisjoint(extension)):
        return None
    return int(size, 16)
