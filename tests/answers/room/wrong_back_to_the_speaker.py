"""Sends what a client says to that client, too.

refused by: everybody hears the others
misconception: one-request-per-connection
"""

import contextlib
import re
import socket
import threading
from collections import deque

LONGEST = 4000  # bytes of a line
MOST = 500  # lines in an outbox
NAME = re.compile(r"[A-Za-z0-9]{1,16}")


class Refused(Exception):
    """Why a client has to go."""


class Outbox:
    def __init__(self, most):
        self.most = most
        self.lines = deque()
        self.closed = False
        self.changed = threading.Condition()

    def put(self, line):
        with self.changed:
            if self.closed or len(self.lines) >= self.most:
                return False
            self.lines.append(line)
            self.changed.notify()
            return True

    def get(self):
        with self.changed:
            self.changed.wait_for(lambda: self.lines or self.closed)
            return self.lines.popleft() if self.lines else None

    def close(self):
        with self.changed:
            self.closed = True
            self.changed.notify_all()


class Client:
    def __init__(self, connection):
        self.connection = connection
        self.outbox = Outbox(MOST)
        self.name = None

    def tell(self, line):
        """Put a line into the outbox; who has no room for it is disconnected."""
        if not self.outbox.put(f"{line}\n".encode()):
            self.disconnect()

    def disconnect(self):
        """Wake both threads of this client: a close would not."""
        with contextlib.suppress(OSError):  # it may have left already
            self.connection.shutdown(socket.SHUT_RDWR)

    def write(self):
        with contextlib.suppress(OSError):  # the reader finds out as well
            while (line := self.outbox.get()) is not None:
                self.connection.sendall(line)

    def lines(self):
        """Each line as text. Raises Refused for what is none."""
        unfinished = b""
        while piece := self.connection.recv(8192):
            *whole, unfinished = (unfinished + piece).split(b"\n")
            for line in whole:
                yield text_of(line)
            if len(unfinished) > LONGEST:
                raise Refused("line too long")


def text_of(line):
    if len(line) > LONGEST:
        raise Refused("line too long")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise Refused("not UTF-8") from None


class Room:
    def __init__(self):
        self.lock = threading.Lock()
        self.members = {}  # name -> client

    def join(self, client, name):
        if not NAME.fullmatch(name):
            raise Refused("bad nickname")
        with self.lock:
            if name in self.members:
                raise Refused("nickname taken")
            client.name = name
            self.members[name] = client
            client.tell(f"* here: {' '.join(sorted(self.members))}")
            self.tell_others(client, f"* {name} joins")

    def leave(self, client):
        with self.lock:
            if client.name is not None:
                del self.members[client.name]
                self.tell_others(client, f"* {client.name} leaves")

    def say(self, client, text):
        with self.lock:
            self.tell_others(None, f"{client.name}: {text}")

    def tell_others(self, client, line):
        for other in self.members.values():
            if other is not client:
                other.tell(line)


def attend(room, client):
    writer = threading.Thread(target=client.write)
    writer.start()
    error = None
    try:
        for text in client.lines():
            if client.name is None:
                room.join(client, text)
            else:
                room.say(client, text)
    except Refused as refused:
        error = f"error: {refused}"
    except OSError:
        pass  # a reset: it leaves like any other
    finally:
        room.leave(client)
        if error:
            client.tell(error)
        client.outbox.close()
        writer.join()
        client.connection.close()


def serve(host, port, stop):
    room = Room()
    attending = {}  # thread -> client
    with socket.create_server((host, port)) as listener:
        listener.settimeout(0.1)
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                client = Client(listener.accept()[0])
                thread = threading.Thread(target=attend, args=(room, client))
                attending = {t: c for t, c in attending.items() if t.is_alive()}
                attending[thread] = client
                thread.start()
    for client in attending.values():
        client.disconnect()
    for thread in attending:
        thread.join()
