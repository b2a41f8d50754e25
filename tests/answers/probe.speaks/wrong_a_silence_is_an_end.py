"""Takes a silence for the end of the connection.

refused by: a line, an end and a silence are three things
misconception: open-means-talking
"""

import time


def speaks_first(connection, seconds):
    deadline = time.monotonic() + seconds
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
            return "ended"
    return "greets"
