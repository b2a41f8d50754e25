"""Takes a silence for the end of the connection.

refused by: words, an end and a silence are three things
misconception: open-means-talking
"""


def speaks_first(connection, seconds):
    with connection:
        connection.settimeout(seconds)
        try:
            words = connection.recv(100)
        except TimeoutError:
            return "ended"
    return "greets" if words else "ended"
