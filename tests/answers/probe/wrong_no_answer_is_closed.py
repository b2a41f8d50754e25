"""Takes no answer for a refusal.

refused by: no answer is silent
misconception: no-answer-is-closed
"""

import socket


def probe(host, port, deadline):
    try:
        with socket.create_connection((host, port), timeout=deadline):
            return "open"
    except (ConnectionRefusedError, TimeoutError):
        return "closed"
