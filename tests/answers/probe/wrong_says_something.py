"""Sends a few bytes to be sure.

refused by: comes once and says goodbye
misconception: peer-does-not-notice
"""

import socket


def probe(host, port, deadline):
    try:
        with socket.create_connection((host, port), timeout=deadline) as client:
            client.sendall(b"hello\n")
            return "open"
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
