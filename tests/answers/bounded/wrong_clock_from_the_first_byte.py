"""Begins to count the seconds of a line at its first byte.

refused by: a drip does not keep a place
misconception: each-recv-has-a-timeout
"""

import contextlib
import socket
import threading
import time

LONGEST = 1000


def answer_lines(connection, seconds):
    data = b""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0 or not data:
        connection.settimeout(left if data else None)
        line, end, rest = data.partition(b"\n")
        if len(line) > LONGEST:
            return
        if end:
            connection.sendall(line.upper() + end)
            data, until = rest, time.monotonic() + seconds
        elif piece := connection.recv(4096):
            until = until if data else time.monotonic() + seconds
            data += piece
        else:
            return


def serve(host, port, stop, places, seconds):
    room = threading.Semaphore(places)
    clients = {}

    def attend(connection):
        try:
            with connection:
                answer_lines(connection, seconds)
        except OSError:
            return
        finally:
            del clients[threading.current_thread()]
            room.release()

    with socket.create_server((host, port), backlog=100) as listener:
        listener.settimeout(0.1)
        while not stop.is_set():
            if not room.acquire(timeout=0.1):
                continue
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                room.release()
                continue
            thread = threading.Thread(target=attend, args=(connection,))
            clients[thread] = connection
            thread.start()
    for thread, connection in list(clients.items()):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        thread.join()
