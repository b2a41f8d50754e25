"""Reads and answers a line under a lock that all clients share.

refused by: serves others while one is slow
misconception: silent-peers-leave
"""

import contextlib
import socket
import threading
import time

LONGEST = 1000
turn = threading.Lock()


def answer_lines(connection, seconds):
    data = b""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        connection.settimeout(left)
        if not data:
            data = connection.recv(4096)
            if not data:
                return
        with turn:
            while b"\n" not in data:
                if (left := until - time.monotonic()) <= 0 or len(data) > LONGEST:
                    return
                connection.settimeout(left)
                piece = connection.recv(4096)
                if not piece:
                    return
                data += piece
            line, end, data = data.partition(b"\n")
            if len(line) > LONGEST:
                return
            connection.sendall(line.upper() + end)
            until = time.monotonic() + seconds


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
