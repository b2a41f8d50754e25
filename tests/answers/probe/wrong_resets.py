"""Ends the connection with a reset, to be rid of it quickly.

refused by: comes once and says goodbye
misconception: peer-does-not-notice
"""

import socket
import struct


def probe(host, port, deadline):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    client = socket.socket(family, socket.SOCK_STREAM)
    try:
        client.settimeout(deadline)
        client.connect((host, port))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except ConnectionRefusedError:
        return "closed"
    except TimeoutError:
        return "silent"
    finally:
        client.close()
    return "open"
