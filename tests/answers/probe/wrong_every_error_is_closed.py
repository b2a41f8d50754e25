"""Calls every error closed, the timeout too.

refused by: no answer is silent, other errors are raised
misconception: no-answer-is-closed
"""

import socket


def probe(host, port, deadline):
    try:
        with socket.create_connection((host, port), timeout=deadline):
            return "open"
    except OSError:
        return "closed"
