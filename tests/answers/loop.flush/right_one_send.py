def flush(connection, pending):
    try:
        sent = connection.send(pending)
    except BlockingIOError:
        return pending
    return pending[sent:]
