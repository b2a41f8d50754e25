"""Sets the timeout once, before all waits.

refused by: a drip does not outlive the seconds
misconception: timeout-is-a-deadline
"""


def speaks_first(connection, seconds):
    connection.settimeout(seconds)
    with connection:
        line = b""
        try:
            while not line.endswith(b"\n"):
                piece = connection.recv(100)
                if not piece:
                    return "ended"
                line += piece
        except TimeoutError:
            return "quiet"
    return "greets"
