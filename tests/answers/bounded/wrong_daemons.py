"""Leaves its threads to themselves when it stops: they are daemons.

refused by: stops with every place taken
misconception: close-wakes-recv
"""

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
            thread = threading.Thread(target=attend, args=(connection,), daemon=True)
            clients[thread] = connection
            thread.start()
