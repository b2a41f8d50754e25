"""Closes its socket when somebody answered, and leaves it when nobody did.

refused by: closes what it opened
misconception: python-closes-sockets
"""

import socket

waiting = []


def probe(host, port, deadline):
    client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    client.settimeout(deadline)
    try:
        client.connect((host, port))
    except ConnectionRefusedError:
        client.close()
        return "closed"
    except TimeoutError:
        waiting.append(client)  # an answer may still come
        return "silent"
    client.close()
    return "open"
