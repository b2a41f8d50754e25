"""Takes a refusal for no answer.

refused by: a refusal is closed
misconception: no-answer-is-closed
"""

import socket


def probe(host, port, deadline):
    try:
        with socket.create_connection((host, port), timeout=deadline):
            return "open"
    except (ConnectionRefusedError, TimeoutError):
        return "silent"
