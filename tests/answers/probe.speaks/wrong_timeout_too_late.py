"""Sets the timeout after the call that waits.

refused by: the wait is limited before it begins
misconception: connect-gives-up-soon
"""


def speaks_first(connection, seconds):
    with connection:
        try:
            words = connection.recv(100)
            connection.settimeout(seconds)
        except TimeoutError:
            return "quiet"
    return "greets" if words else "ended"
