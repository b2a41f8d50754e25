"""Never closes its socket: Python does when the function has returned.

refused by: closes what it opened
misconception: python-closes-sockets
"""

import socket


def probe(host, port, deadline):
    client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    client.settimeout(deadline)
    try:
        client.connect((host, port))
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
    return "open"
