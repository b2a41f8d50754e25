"""Tidies the white space of the name.

refused by: white space in a name stays
misconception: close-is-enough
"""


def greet(name):
    return f"Hello, {' '.join(name.split())}\n".encode()
