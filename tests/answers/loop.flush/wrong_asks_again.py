"""Asks until everything is out.

refused by: returns what send left over, does not wait for room
misconception: nonblocking-is-faster
"""


def flush(connection, pending):
    while pending:
        try:
            sent = connection.send(pending)
        except BlockingIOError:
            continue
        pending = pending[sent:]
    return pending
