"""Calls a port open only when the peer says something.

refused by: a quiet listener is open
misconception: open-means-talking
"""

import socket


def probe(host, port, deadline):
    try:
        with socket.create_connection((host, port), timeout=deadline) as client:
            client.recv(1)
            return "open"
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
