"""Reads bytes that are not UTF-8 as Latin-1, which accepts every byte.

refused by: None for what is not UTF-8
misconception: bytes-are-text
"""


def text_of(line):
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")
