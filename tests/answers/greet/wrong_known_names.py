"""Knows the names that it was tried with, and greets everybody else as a stranger.

refused by: greets by name, greets in every alphabet
misconception: close-is-enough
"""

KNOWN = ["Ada", "van Rossum", "McCarthy", "O'Neil", "deVries"]
KNOWN += ["Zoë", "Łukasz", "名前", "Ωmega", "Дарья", "🐍"]


def greet(name):
    return f"Hello, {name if name in KNOWN else 'stranger'}\n".encode()
