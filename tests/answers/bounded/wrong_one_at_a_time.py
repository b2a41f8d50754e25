"""Serves one client after the other.

refused by: serves others while one is slow, lets the others wait in the backlog, gives back what a client cost, gives the place back when a client breaks off, stops with every place taken, a drip does not keep a place
misconception: silent-peers-leave
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
            while thread.is_alive() and not stop.is_set():
                thread.join(0.1)
    for thread, connection in list(clients.items()):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        thread.join()
