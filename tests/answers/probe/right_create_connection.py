import socket


def probe(host, port, deadline):
    try:
        with socket.create_connection((host, port), timeout=deadline):
            return "open"
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
