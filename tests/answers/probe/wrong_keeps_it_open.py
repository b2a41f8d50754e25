"""Keeps every connection for later.

refused by: comes once and says goodbye, closes what it opened
misconception: python-closes-sockets
"""

import socket

connections = []


def probe(host, port, deadline):
    try:
        connections.append(socket.create_connection((host, port), timeout=deadline))
        return "open"
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
