"""Takes every CR at the end of the line for a part of the ending.

refused by: the line ending goes
misconception: strip-knows-the-protocol
"""


def text_of(line):
    line = line.rstrip(b"\r\n")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None
