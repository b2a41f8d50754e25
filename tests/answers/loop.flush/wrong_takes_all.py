"""Takes it that what was sent is sent whole.

refused by: returns what send left over
misconception: ready-means-all-of-it
"""


def flush(connection, pending):
    try:
        connection.send(pending)
    except BlockingIOError:
        return pending
    return b""
