"""Lets the exception out that says that there is no room.

refused by: does not wait for room
misconception: nonblocking-is-faster
"""


def flush(connection, pending):
    if not pending:
        return pending
    return pending[connection.send(pending) :]
