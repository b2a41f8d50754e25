"""Gives a silent client a thread of its own instead of a timeout.

refused by: does not wait for a silent client
misconception: silent-peers-leave
"""

import contextlib
import socket
import threading


def echo(connection):
    try:
        while data := connection.recv(65536):
            connection.sendall(data)
    except OSError:
        return


def attend(connection):
    with connection:
        echo(connection)


def serve(host, port, stop):
    clients = []
    with socket.create_server((host, port)) as listener:
        listener.settimeout(0.1)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            clients.append((threading.Thread(target=attend, args=(connection,)), connection))
            clients[-1][0].start()
    for thread, connection in clients:
        with contextlib.suppress(OSError):  # it may have come to its end by itself
            connection.shutdown(socket.SHUT_RDWR)
        thread.join()
