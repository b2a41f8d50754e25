"""Takes only the line feed away.

refused by: the line ending goes
misconception: strip-knows-the-protocol
"""


def text_of(line):
    line = line.removesuffix(b"\n")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None
