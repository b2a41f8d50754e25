import contextlib


def flush(connection, pending):
    with contextlib.suppress(BlockingIOError):
        while pending:
            pending = pending[connection.send(pending) :]
    return pending
