"""Makes an IPv4 socket for every address.

refused by: reaches IPv6 as well
misconception: one-socket-fits-all
"""

import socket


def probe(host, port, deadline):
    client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        client.settimeout(deadline)
        client.connect((host, port))
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
    finally:
        client.close()
    return "open"
