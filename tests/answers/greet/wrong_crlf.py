"""Ends the line as HTTP does, not as the task says.

refused by: ends the line once
misconception: send-ends-the-line
"""


def greet(name):
    return f"Hello, {name}\r\n".encode()
