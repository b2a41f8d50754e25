"""Takes the white space before the text away.

refused by: white space stays
misconception: strip-knows-the-protocol
"""


def text_of(line):
    line = line.lstrip().removesuffix(b"\n").removesuffix(b"\r")
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None
