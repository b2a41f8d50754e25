"""Sets the timeout after the call that waits.

refused by: the wait is limited before it begins
misconception: connect-gives-up-soon
"""

import time


def speaks_first(connection, seconds):
    deadline = time.monotonic() + seconds
    with connection:
        line = b""
        try:
            while not line.endswith(b"\n"):
                piece = connection.recv(100)
                if not piece:
                    return "ended"
                line += piece
                left = deadline - time.monotonic()
                if left <= 0:
                    return "quiet"
                connection.settimeout(left)
        except TimeoutError:
            return "quiet"
    return "greets"
