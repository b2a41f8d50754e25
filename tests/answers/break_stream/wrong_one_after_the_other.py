"""Takes a server that serves one client after the other for a faulty one.

refused by: spares right servers, catches a server that answers half a line, catches a server that decodes each read, catches a server that drops lines, catches a server that mixes its clients, catches a server that dies by a reset, catches a server with capitals for A to Z only
misconception:
"""  # noqa: E501

import socket


def find_fault(host, port):
    try:
        with socket.create_connection((host, port), timeout=0.3):
            with socket.create_connection((host, port), timeout=0.3) as second:
                second.sendall(b"one\n")
                second.recv(100)
    except OSError:
        return "the second client has to wait for the first"
    return None
