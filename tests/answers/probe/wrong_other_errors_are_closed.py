"""Calls every error but a timeout closed.

refused by: other errors are raised
misconception: no-answer-is-closed
"""

import socket


def probe(host, port, deadline):
    try:
        with socket.create_connection((host, port), timeout=deadline):
            return "open"
    except TimeoutError:
        return "silent"
    except OSError:
        return "closed"
