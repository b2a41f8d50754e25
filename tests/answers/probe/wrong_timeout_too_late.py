"""Sets the timeout after the call that waits.

refused by: no answer is silent, returns when the deadline has passed
misconception: connect-gives-up-soon
"""

import socket


def probe(host, port, deadline):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    client = socket.socket(family, socket.SOCK_STREAM)
    try:
        client.connect((host, port))
        client.settimeout(deadline)
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
    finally:
        client.close()
    return "open"
