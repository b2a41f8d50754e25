def speaks_first(connection, seconds: float) -> str:
    connection.settimeout(seconds)
    try:
        return "ended" if connection.recv(1) == b"" else "greets"
    except TimeoutError:
        return "quiet"
    finally:
        connection.close()
