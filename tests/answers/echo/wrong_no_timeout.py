"""Waits for a silent client for as long as it stays.

refused by: does not wait for a silent client, leaves nothing open when it stops
misconception: silent-peers-leave
"""

import socket

SILENCE = 1.0


def echo(connection):
    try:
        while data := connection.recv(65536):
            connection.sendall(data)
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
                echo(connection)
