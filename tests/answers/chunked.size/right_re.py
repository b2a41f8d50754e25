import re

LINE = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?")


def size_of(line):
    match = LINE.fullmatch(line)
    return int(match[1], 16) if match else None
