"""Takes every error for a full buffer.

refused by: does not wait for room
misconception: nonblocking-is-faster
"""


def flush(connection, pending):
    try:
        return pending[connection.send(pending) :]
    except OSError:
        return pending
