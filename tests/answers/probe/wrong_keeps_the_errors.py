"""Keeps the exceptions, each of which keeps the frame and the socket that it came from.

refused by: closes what it opened
misconception: python-closes-sockets
"""

import socket

errors = []


def connected(host, port, deadline):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    client = socket.socket(family, socket.SOCK_STREAM)
    client.settimeout(deadline)
    client.connect((host, port))
    return client


def probe(host, port, deadline):
    try:
        connected(host, port, deadline).close()
        return "open"
    except ConnectionRefusedError as error:
        errors.append(error)
        return "closed"
    except TimeoutError as error:
        errors.append(error)
        return "silent"
