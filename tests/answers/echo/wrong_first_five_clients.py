"""Serves its first five clients, and then waits for stop.

refused by: survives a reset
misconception: eof-is-the-only-end
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
        served = 0
        while not stop.is_set():
            if served == 5:
                stop.wait()
                break
            try:
                connection, _ = listener.accept()
                served += 1
            except TimeoutError:
                continue
            with connection:
                connection.settimeout(SILENCE)
                echo(connection)
