"""Collects until the end of the stream, then sends.

refused by: answers while the client waits, echoes 16 MB
misconception: reply-at-eof
"""

import socket

SILENCE = 1.0


def echo(connection):
    try:
        whole = bytearray()
        while data := connection.recv(65536):
            whole += data
        connection.sendall(whole)
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
