"""Catches a timeout in serve, so that it leaves echo.

refused by: does not wait for a silent client
misconception: silent-peers-leave
"""

import contextlib
import socket

SILENCE = 1.0


def echo(connection):
    try:
        while data := connection.recv(65536):
            connection.sendall(data)
    except ConnectionError:
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
                with contextlib.suppress(OSError):
                    echo(connection)
