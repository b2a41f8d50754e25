"""Knows only the ending of two bytes.

refused by: the line ending goes, white space stays, None for what is not UTF-8
misconception: strip-knows-the-protocol
"""


def text_of(line):
    line = line.removesuffix(b"\r\n")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None
