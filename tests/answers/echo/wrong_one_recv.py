"""Answers one recv of each client.

refused by: echoes 16 MB
misconception: one-request-per-connection
"""

import socket

SILENCE = 1.0


def echo(connection):
    try:
        connection.sendall(connection.recv(65536))
    except OSError:
        return


def serve(host, port, stop):
    with socket.create_server((host, port)) as listener:
        listener.settimeout(0.1)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(SILENCE)
                echo(connection)
