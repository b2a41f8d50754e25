import errno
import os
import selectors
import socket
import time


def probe(host: str, port: int, deadline: float) -> str:
    end = time.monotonic() + deadline
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as client, selectors.DefaultSelector() as selector:
        client.setblocking(False)
        problem = client.connect_ex(address)
        if problem in (errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", -1)):
            selector.register(client, selectors.EVENT_WRITE)
            if not selector.select(max(0.0, end - time.monotonic())):
                return "silent"
            problem = client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if problem == 0:
        return "open"
    if problem in (errno.ECONNREFUSED, getattr(errno, "WSAECONNREFUSED", -1)):
        return "closed"
    if problem in (errno.ETIMEDOUT, getattr(errno, "WSAETIMEDOUT", -1)):
        return "silent"
    raise OSError(problem, os.strerror(problem))
