"""Tries again after each timeout, and each try gets the whole deadline.

refused by: returns when the deadline has passed
misconception: connect-gives-up-soon
"""

import socket


def probe(host, port, deadline):
    for _ in range(4):
        try:
            with socket.create_connection((host, port), timeout=deadline):
                return "open"
        except ConnectionRefusedError:
            return "closed"
        except TimeoutError:
            continue
    return "silent"
