"""Encodes in Latin-1, where ë is another byte and 名 has none.

refused by: greets in every alphabet
misconception: ascii-is-enough
"""


def greet(name):
    return f"Hello, {name}\n".encode("latin-1", "replace")
