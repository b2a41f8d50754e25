from time import monotonic


def speaks_first(connection, seconds: float) -> str:
    ends = monotonic() + seconds
    last = b""
    try:
        while last != b"\n" and (left := ends - monotonic()) > 0:
            connection.settimeout(left)
            last = connection.recv(1)
            if last == b"":
                return "ended"
    except TimeoutError:
        return "quiet"
    finally:
        connection.close()
    return "greets" if last == b"\n" else "quiet"
