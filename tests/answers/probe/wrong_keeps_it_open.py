"""Keeps every connection for later.

refused by: says goodbye politely, leaves no descriptor open
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
