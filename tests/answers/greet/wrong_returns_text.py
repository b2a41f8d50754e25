"""Returns text where bytes were asked for.

refused by: returns bytes
misconception: text-is-bytes
"""


def greet(name):
    return f"Hello, {name}\n"
