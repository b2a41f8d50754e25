"""Waits for a fifth of a second at most, whatever the deadline.

refused by: returns when the deadline has passed
misconception: connect-gives-up-soon
"""

import socket


def probe(host, port, deadline):
    try:
        with socket.create_connection((host, port), timeout=min(deadline, 0.2)):
            return "open"
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
