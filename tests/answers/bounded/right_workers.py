"""As many threads as places; each accepts, serves, and accepts again."""

import select
import socket
import threading
import time


class TooSlow(Exception):
    pass


class Client:
    def __init__(self, connection, seconds, stop):
        connection.setblocking(False)
        self.connection, self.seconds, self.stop = connection, seconds, stop
        self.begin()

    def begin(self):
        self.until = time.monotonic() + self.seconds

    def wait(self, reading=(), writing=()):
        while not self.stop.is_set():
            left = self.until - time.monotonic()
            if left <= 0:
                raise TooSlow
            if any(select.select(reading, writing, [], min(left, 0.1))):
                return
        raise TooSlow

    def lines(self):
        kept = bytearray()
        while True:
            self.wait(reading=[self.connection])
            piece = self.connection.recv(65536)
            if not piece:
                return
            kept += piece
            *complete, rest = kept.split(b"\n")
            kept = bytearray(rest)
            for line in (*complete, rest):
                if len(line) > 1000:
                    return
                if line is not rest:
                    yield bytes(line)

    def send(self, data):
        while data:
            self.wait(writing=[self.connection])
            data = data[self.connection.send(data) :]

    def run(self):
        for line in self.lines():
            self.send(line.upper() + b"\n")
            self.begin()


def work(listener, stop, seconds):
    while not stop.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        with connection:
            try:
                Client(connection, seconds, stop).run()
            except (TooSlow, OSError):
                continue


def serve(host, port, stop, places, seconds):
    with socket.create_server((host, port)) as listener:
        listener.settimeout(0.1)
        workers = [
            threading.Thread(target=work, args=(listener, stop, seconds)) for _ in range(places)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
