import socket


def probe(host, port, deadline):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    client = socket.socket(family, socket.SOCK_STREAM)
    try:
        client.settimeout(deadline)
        client.connect((host, port))
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
    finally:
        client.close()
    return "open"
