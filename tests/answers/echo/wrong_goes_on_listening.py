"""Returns when stop is set, while its thread listens on.

refused by: echoes any bytes, answers while the client waits, ends with an end of stream, survives a reset, does not wait for a silent client, echoes 16 MB, leaves nothing open when it stops, starts again on its port
misconception: python-closes-sockets
"""

import socket
import threading


def echo(connection):
    try:
        while data := connection.recv(65536):
            connection.sendall(data)
    except OSError:
        return


def work(listener):
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(1.0)
            echo(connection)


def serve(host, port, stop):
    listener = socket.create_server((host, port))
    threading.Thread(target=work, args=(listener,), daemon=True).start()
    stop.wait()
