"""Notes the error in a variable: it refers to the frame, and the frame to it and to the socket.

refused by: closes what it opened
misconception: python-closes-sockets
"""

import socket


def probe(host, port, deadline):
    problem = None
    client = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    client.settimeout(deadline)
    try:
        client.connect((host, port))
    except (ConnectionRefusedError, TimeoutError) as error:
        problem = error
    else:
        client.close()
    if problem is None:
        return "open"
    return "silent" if isinstance(problem, TimeoutError) else "closed"
