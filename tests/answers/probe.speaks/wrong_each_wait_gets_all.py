"""Gives each wait all of the seconds.

refused by: a drip does not outlive the seconds
misconception: timeout-is-a-deadline
"""


def speaks_first(connection, seconds):
    with connection:
        line = b""
        try:
            while not line.endswith(b"\n"):
                connection.settimeout(seconds)
                piece = connection.recv(100)
                if not piece:
                    return "ended"
                line += piece
        except TimeoutError:
            return "quiet"
    return "greets"
