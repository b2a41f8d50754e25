"""Waits until it has a block of 4096 bytes before it sends.

refused by: answers while the client waits
misconception: reply-at-eof
"""

import socket

SILENCE = 1.0


def echo(connection):
    try:
        block = b""
        while data := connection.recv(4096 - len(block)):
            block += data
            if len(block) == 4096:
                connection.sendall(block)
                block = b""
        connection.sendall(block)
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
