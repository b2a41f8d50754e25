"""Writes hello with a small letter.

refused by: greets by name, greets in every alphabet
misconception: close-is-enough
"""


def greet(name):
    return f"hello, {name}\n".encode()
