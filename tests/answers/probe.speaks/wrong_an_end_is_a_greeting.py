"""Takes the end of the stream for a greeting.

refused by: words, an end and a silence are three things
misconception: open-means-talking
"""


def speaks_first(connection, seconds):
    with connection:
        connection.settimeout(seconds)
        try:
            words = connection.recv(100)
        except TimeoutError:
            return "quiet"
    return "greets" if words is not None else "ended"
