"""Waits for no client when it stops: their threads go on.

refused by: leaves nothing open when it stops
misconception: python-closes-sockets
"""

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
        connection.settimeout(1.0)
        echo(connection)


def serve(host, port, stop):
    with socket.create_server((host, port)) as listener:
        listener.settimeout(0.1)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threading.Thread(target=attend, args=(connection,), daemon=True).start()
