"""Calls a broken connection a silence too.

refused by: other errors are raised
misconception: no-answer-is-closed
"""


def speaks_first(connection, seconds):
    with connection:
        connection.settimeout(seconds)
        try:
            words = connection.recv(100)
        except (TimeoutError, ConnectionError):
            return "quiet"
    return "greets" if words else "ended"
