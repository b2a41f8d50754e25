"""Strips every carriage return and line feed off the end.

refused by: the line ending goes
misconception: strip-knows-the-protocol
"""


def text_of(line):
    try:
        return line.rstrip(b"\r\n").decode("utf-8")
    except UnicodeDecodeError:
        return None
