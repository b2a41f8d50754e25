"""Takes the white space at the end of the text away as well.

refused by: the line ending goes, white space stays
misconception: strip-knows-the-protocol
"""


def text_of(line):
    line = line.rstrip()
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None
