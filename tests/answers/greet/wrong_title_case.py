"""Tidies the name's letter case.

refused by: greets by name
misconception: close-is-enough
"""


def greet(name):
    return f"Hello, {name.title()}\n".encode()
