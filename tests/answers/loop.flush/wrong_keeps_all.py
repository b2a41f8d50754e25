"""Returns all of it again when a part was taken.

refused by: returns what send left over
misconception: ready-means-all-of-it
"""


def flush(connection, pending):
    try:
        sent = connection.send(pending)
    except BlockingIOError:
        return pending
    return b"" if sent == len(pending) else pending
