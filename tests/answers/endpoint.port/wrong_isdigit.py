"""Asks isdigit alone, which is true for the digits of every script.

refused by: only 0 to 9 are digits
misconception: digits-are-ascii
"""


def parse_port(text):
    if not text.isdigit():
        raise ValueError(f"not a port number: {text!r}")
    port = int(text)
    if not 1 <= port <= 65535:
        raise ValueError(f"no port has the number {port}")
    return port
