"""Leaves it to int() what a number is.

refused by: only 0 to 9 are digits
misconception: digits-are-ascii
"""


def parse_port(text):
    port = int(text)
    if not 1 <= port <= 65535:
        raise ValueError(f"no port has the number {port}")
    return port
