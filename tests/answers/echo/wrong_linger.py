"""Closes by a reset, to leave no TIME_WAIT behind.

refused by: ends with an end of stream
misconception: reset-is-a-quick-close
"""

import socket
import struct

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
                connection.settimeout(SILENCE)
                abort = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, abort)
                echo(connection)
