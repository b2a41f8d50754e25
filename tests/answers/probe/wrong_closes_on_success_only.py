"""Closes the socket only when the connection came about, and keeps the others for its statistics.

refused by: closes what it opened
misconception: python-closes-sockets
"""

import socket

tried = []


def probe(host, port, deadline):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    client = socket.socket(family, socket.SOCK_STREAM)
    client.settimeout(deadline)
    try:
        client.connect((host, port))
    except ConnectionRefusedError:
        tried.append((client, "closed"))
        return "closed"
    except TimeoutError:
        tried.append((client, "silent"))
        return "silent"
    client.close()
    return "open"
