"""Waits also when nothing is left of the seconds.

refused by: a drip does not outlive the seconds
misconception: timeout-is-a-deadline
"""

import time


def speaks_first(connection, seconds):
    deadline = time.monotonic() + seconds
    with connection:
        line = b""
        try:
            while not line.endswith(b"\n"):
                left = deadline - time.monotonic()
                connection.settimeout(left)
                piece = connection.recv(100)
                if not piece:
                    return "ended"
                line += piece
        except TimeoutError:
            return "quiet"
    return "greets"
