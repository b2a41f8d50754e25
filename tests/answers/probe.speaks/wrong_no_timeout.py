"""Waits as long as the peer likes.

refused by: the wait is limited before it begins
misconception: connect-gives-up-soon
"""


def speaks_first(connection, seconds):
    with connection:
        connection.setblocking(True)
        try:
            words = connection.recv(100)
        except TimeoutError:
            return "quiet"
    return "greets" if words else "ended"
