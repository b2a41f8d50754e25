"""Connects a second time, to be sure.

refused by: comes once and says goodbye
misconception: peer-does-not-notice
"""

import socket


def probe(host, port, deadline):
    try:
        for _ in range(2):
            with socket.create_connection((host, port), timeout=deadline):
                pass
        return "open"
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
