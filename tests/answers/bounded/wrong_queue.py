"""Accepts everybody, and lets those for whom there is no worker wait in a queue of its own.

refused by: lets the others wait in the backlog
misconception: the-queue-absorbs-it
"""

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

LONGEST = 1000


def answer_lines(connection, seconds):
    data = b""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        connection.settimeout(left)
        line, end, rest = data.partition(b"\n")
        if len(line) > LONGEST:
            return
        if end:
            connection.sendall(line.upper() + end)
            data, until = rest, time.monotonic() + seconds
        elif piece := connection.recv(4096):
            data += piece
        else:
            return


def serve(host, port, stop, places, seconds):
    clients = set()

    def attend(connection):
        with contextlib.suppress(OSError), connection:
            answer_lines(connection, seconds)
        clients.discard(connection)

    with (
        socket.create_server((host, port), backlog=100) as listener,
        ThreadPoolExecutor(places) as pool,
    ):
        listener.settimeout(0.1)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            clients.add(connection)
            pool.submit(attend, connection)
        for connection in list(clients):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
