"""Counts on the send to mark the end of the line.

refused by: ends the line once
misconception: send-ends-the-line
"""


def greet(name):
    return f"Hello, {name}".encode()
