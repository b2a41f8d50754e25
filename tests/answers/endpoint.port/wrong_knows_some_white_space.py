"""Knows the white space that a keyboard has; int strips some more.

refused by: only 0 to 9 are digits
misconception: digits-are-ascii
"""


def parse_port(text):
    if not text.isascii() or set(text) & set("+-_ \t\n"):
        raise ValueError(f"not a port number: {text!r}")
    port = int(text)
    if not 1 <= port <= 65535:
        raise ValueError(f"no port has the number {port}")
    return port
