"""Reads a file into a buffer that all downloads of it share, and sends from that.

refused by: two downloads of one file
misconception: the-gil-makes-it-safe
"""

import contextlib
import os
import socket
import threading

buffers = {}


def inside(folder, path):
    return os.path.commonpath([folder, path]) == folder


def opened(folder, line):
    """The file that a request line names. Raises OSError or ValueError when there is none."""
    if not line.startswith(b"GET ") or not line.endswith(b"\n"):
        raise ValueError("not a request")
    path = os.path.realpath(os.path.join(folder, line[4:-1].decode()))
    if not inside(folder, path) or not os.path.isfile(path):
        raise FileNotFoundError(path)
    return open(path, "rb")


def attend(connection, folder):
    with connection, connection.makefile("rb") as requests:
        while line := requests.readline(1000):
            try:
                file = opened(folder, line)
            except (OSError, ValueError):
                connection.sendall(b"ERR no such file\n")
                continue
            buffer = buffers.setdefault(file.name, bytearray(1 << 20))
            with file:
                connection.sendall(f"OK {os.fstat(file.fileno()).st_size}\n".encode())
                while size := file.readinto(buffer):
                    connection.sendall(memoryview(buffer)[:size])


def serve(host, port, stop, folder):
    folder = os.path.realpath(folder)
    clients = {}

    def run(connection):
        with contextlib.suppress(OSError):
            attend(connection, folder)
        del clients[threading.current_thread()]

    with socket.create_server((host, port)) as listener:
        listener.settimeout(0.1)
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                thread = threading.Thread(target=run, args=(connection,))
                clients[thread] = connection
                thread.start()
    for thread, connection in list(clients.items()):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        thread.join()
