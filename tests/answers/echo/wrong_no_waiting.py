"""Takes it that sendall only fills a buffer and never has to wait.

refused by: waits for a slow reader
misconception: sendall-cannot-block
"""

import socket

SILENCE = 1.0


def echo(connection):
    try:
        while data := connection.recv(65536):
            connection.setblocking(False)
            connection.sendall(data)
            connection.settimeout(SILENCE)
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
