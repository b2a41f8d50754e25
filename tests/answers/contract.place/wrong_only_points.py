"""Writes a number as if it were a name.

refused by: a place is a path
misconception:
"""


def place(steps):
    return ".".join(["$", *map(str, steps)])
