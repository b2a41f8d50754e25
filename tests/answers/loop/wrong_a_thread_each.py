"""Gives each client a thread.

refused by: a thousand quiet clients cost sockets only
misconception: a-thread-per-client-is-free
"""

import contextlib
import socket
import threading


def echo(connection):
    with connection, contextlib.suppress(OSError):
        while data := connection.recv(65536):
            connection.sendall(data)


def serve(host, port, stop, limit):
    clients = {}
    with socket.create_server((host, port), backlog=200) as listener:
        listener.settimeout(0.1)
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                thread = threading.Thread(target=echo, args=(connection,))
                clients[thread] = connection
                thread.start()
    for thread, connection in clients.items():
        with contextlib.suppress(OSError):  # its client may have left already
            connection.shutdown(socket.SHUT_RDWR)
        thread.join()
