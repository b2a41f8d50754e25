"""Starts a thread for whoever comes, and counts nobody.

refused by: lets the others wait in the backlog
misconception: the-queue-absorbs-it
"""

import contextlib
import socket
import threading
import time

LONGEST = 1000


def answer_lines(connection, seconds):
    data = b""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        connection.settimeout(left)
        line, end, rest = data.partition(b"\n")
        if len(line) > LONGEST:
            return
        if end:
            connection.sendall(line.upper() + end)
            data, until = rest, time.monotonic() + seconds
        elif piece := connection.recv(4096):
            data += piece
        else:
            return


def serve(host, port, stop, places, seconds):
    clients = {}

    def attend(connection):
        try:
            with connection:
                answer_lines(connection, seconds)
        except OSError:
            return
        finally:
            del clients[threading.current_thread()]

    with socket.create_server((host, port), backlog=100) as listener:
        listener.settimeout(0.1)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=attend, args=(connection,))
            clients[thread] = connection
            thread.start()
    for thread, connection in list(clients.items()):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        thread.join()
