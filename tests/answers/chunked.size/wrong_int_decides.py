"""Lets int decide what a size is.

refused by: a size is hexadecimal digits, an extension says nothing
misconception: int-reads-digits-only
"""

HEX = frozenset(b"0123456789abcdefABCDEF")
CONTROLS = (frozenset(range(0x20)) - {0x09}) | {0x7F}


def size_of(line):
    size, semicolon, extension = line.partition(b";")
    if semicolon:
        size = size.rstrip(b" \t")
    try:
        return int(size, 16) if size.strip() and CONTROLS.isdisjoint(extension) else None
    except ValueError:
        return None
