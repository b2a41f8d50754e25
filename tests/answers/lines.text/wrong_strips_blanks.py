"""Takes spaces and tabs off both ends of the text.

refused by: white space stays
misconception: strip-knows-the-protocol
"""


def text_of(line):
    try:
        return line.removesuffix(b"\n").removesuffix(b"\r").strip(b" \t").decode("utf-8")
    except UnicodeDecodeError:
        return None
