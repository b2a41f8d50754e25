def speaks_first(connection, seconds):
    with connection:
        connection.settimeout(seconds)
        try:
            words = connection.recv(100)
        except TimeoutError:
            return "quiet"
    return "greets" if words else "ended"
