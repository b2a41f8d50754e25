"""Waits as long as the peer likes.

refused by: the wait is limited before it begins, a drip does not outlive the seconds
misconception: connect-gives-up-soon
"""


def speaks_first(connection, seconds):
    connection.setblocking(True)
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
