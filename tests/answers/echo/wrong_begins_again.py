"""Keeps the first 64 KiB, and sends them again and again.

refused by: echoes 16 MB
misconception: one-request-per-connection
"""

import socket

SILENCE = 1.0


def echo(connection):
    try:
        kept, at = b"", 0
        while data := connection.recv(65536):
            kept = (kept + data)[:65536]
            back = (kept[at:] + kept * (len(data) // len(kept) + 1))[: len(data)]
            connection.sendall(back)
            at = (at + len(data)) % 65536
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
