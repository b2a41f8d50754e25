"""Takes sizes of eight digits at most, as 32 bits need.

refused by: a size is hexadecimal digits
misconception:
"""

HEX = frozenset(b"0123456789abcdefABCDEF")
CONTROLS = (frozenset(range(0x20)) - {0x09}) | {0x7F}


def size_of(line):
    size, semicolon, extension = line.partition(b";")
    if semicolon:
        size = size.rstrip(b" \t")
    if len(size) > 8 or not (size and HEX.issuperset(size) and CONTROLS.isdisjoint(extension)):
        return None
    return int(size, 16)
