"""Lets the UnicodeDecodeError out.

refused by: None for what is not UTF-8
misconception: bytes-are-text
"""


def text_of(line):
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    return line.decode("utf-8")
