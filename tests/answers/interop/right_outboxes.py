"""Leaves open what a server can take both ways; a queue and a thread that empties it per client."""

import queue
import socket
import threading


def page():
    return {
        2: "40 characters",
        3: "folded",
        4: "end",
        5: "all",
        6: "skipped",
        7: "dropped",
        8: "bye",
    }


class Gone(Exception):
    """A client has to go, with this last word or none."""


class Client(threading.Thread):
    def __init__(self, connection, room):
        super().__init__()
        self.connection = connection
        self.room = room
        self.outbox = queue.SimpleQueue()
        self.nickname = None
        self.writer = threading.Thread(target=self.write)

    def write(self):
        try:
            while (text := self.outbox.get()) is not None:
                self.connection.sendall(f"{text}\n".encode())
        except OSError:
            pass  # the other thread finds out as well

    def run(self):
        self.writer.start()
        try:
            self.read()
        except Gone as gone:
            if gone.args:
                self.outbox.put(gone.args[0])
        except OSError:
            pass
        self.room.forget(self)
        self.outbox.put(None)
        self.writer.join()
        self.connection.close()

    def read(self):
        line = bytearray()
        while byte := self.connection.recv(1):
            if byte == b"\n":
                self.hear(bytes(line).removesuffix(b"\r"))
                line.clear()
            else:
                line += byte

    def hear(self, line):
        text = line.decode()
        if self.nickname is None:
            self.room.enter(self, text)
        elif text == "/quit":
            raise Gone("bye")
        elif 0 < len(line) <= 200:
            self.room.tell(f"{self.nickname}: {text}")


class Room:
    def __init__(self):
        self.lock = threading.Lock()
        self.clients = []

    def enter(self, client, name):
        if len(name) > 40:
            raise Gone("too long")
        with self.lock:
            if name.lower() in [other.nickname.lower() for other in self.clients]:
                raise Gone("taken")
            client.nickname = name
            self.clients.append(client)
        client.outbox.put("welcome")

    def tell(self, text):
        with self.lock:
            for client in self.clients:
                client.outbox.put(text)

    def forget(self, client):
        with self.lock:
            self.clients = [other for other in self.clients if other is not client]


def serve(host, port, stop):
    room, clients = Room(), []
    listener = socket.create_server((host, port))
    listener.settimeout(0.05)
    while not stop.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        connection.setblocking(True)
        clients.append(Client(connection, room))
        clients[-1].start()
    listener.close()
    for client in clients:
        client.join()
