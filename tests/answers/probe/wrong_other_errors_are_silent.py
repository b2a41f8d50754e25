"""Calls every error but a refusal silent.

refused by: other errors are raised
misconception: no-answer-is-closed
"""

import socket


def probe(host, port, deadline):
    try:
        with socket.create_connection((host, port), timeout=deadline):
            return "open"
    except ConnectionRefusedError:
        return "closed"
    except OSError:
        return "silent"
