"""Listens on every address of the machine, whatever host it is given.

refused by: listens where it is told
misconception: names-are-addresses
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
    with socket.create_server(("", port)) as listener:
        listener.settimeout(0.1)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(SILENCE)
                echo(connection)
