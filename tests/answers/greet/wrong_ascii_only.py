"""Drops whatever is not ASCII.

refused by: greets in every alphabet
misconception: ascii-is-enough
"""


def greet(name):
    return b"Hello, " + name.encode("ascii", "ignore") + b"\n"
