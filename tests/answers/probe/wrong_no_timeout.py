"""Waits as long as the system does.

refused by: no answer is silent, returns when the deadline has passed
misconception: connect-gives-up-soon
"""

import socket


def probe(host, port, deadline):
    try:
        with socket.create_connection((host, port)):
            return "open"
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
