"""Sends a line and calls the port open when an answer comes.

refused by: a quiet listener is open, comes once and says goodbye
misconception: open-means-talking
"""

import socket


def probe(host, port, deadline):
    try:
        with socket.create_connection((host, port), timeout=deadline) as client:
            client.sendall(b"hello\n")
            return "open" if client.recv(1) else "closed"
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
