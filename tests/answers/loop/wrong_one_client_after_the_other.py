"""Serves a client to its end before it looks at the next.

refused by: nobody waits for a silent client, a client that does not read holds up nobody, what is pending goes out after the client's end, waits while there is nothing to do, a reset ends one client, a thousand quiet clients cost sockets only, stops whoever is connected
misconception: one-thread-one-client
"""

import contextlib
import select
import socket


def echo(connection, stop):
    while not stop.is_set():
        if not select.select([connection], [], [], 0.1)[0]:
            continue
        data = connection.recv(65536)
        if not data:
            return
        while data and not stop.is_set():
            if select.select([], [connection], [], 0.1)[1]:
                data = data[connection.send(data) :]


def serve(host, port, stop, limit):
    with socket.create_server((host, port), backlog=200) as listener:
        listener.settimeout(0.1)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection, contextlib.suppress(OSError):
                connection.setblocking(False)
                echo(connection, stop)
