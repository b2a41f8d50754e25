"""Has a deadline of its own.

refused by: the wait is limited before it begins, a drip does not outlive the seconds
misconception: connect-gives-up-soon
"""

import time


def speaks_first(connection, seconds):
    deadline = time.monotonic() + 5
    with connection:
        line = b""
        try:
            while not line.endswith(b"\n"):
                left = deadline - time.monotonic()
                if left <= 0:
                    return "quiet"
                connection.settimeout(left)
                piece = connection.recv(100)
                if not piece:
                    return "ended"
                line += piece
        except TimeoutError:
            return "quiet"
    return "greets"
