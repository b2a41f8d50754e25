"""Has a timeout of its own.

refused by: the wait is limited before it begins
misconception: connect-gives-up-soon
"""


def speaks_first(connection, seconds):
    with connection:
        connection.settimeout(5)
        try:
            words = connection.recv(100)
        except TimeoutError:
            return "quiet"
    return "greets" if words else "ended"
