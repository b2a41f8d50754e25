"""Takes all white space off a line, and not its ending only.

refused by: sentence 1: how a client ends a line
misconception: my-client-proves-it
"""

import contextlib
import socket
import threading


def page():
    return {
        1: "LF",
        2: "16 bytes",
        3: "folded",
        4: "again",
        5: "others",
        6: "skipped",
        7: "end",
        8: "bye",
    }


def lines_of(connection):
    unfinished = b""
    while piece := connection.recv(4096):
        *lines, unfinished = (unfinished + piece).split(b"\n")
        for line in lines:
            yield line.strip()


def tell(connection, text):
    with contextlib.suppress(OSError):  # who has left hears nothing
        connection.sendall(f"{text}\n".encode())


class Chat:
    def __init__(self):
        self.lock = threading.Lock()
        self.members = {}  # folded nickname -> connection

    def join(self, name, connection):
        with self.lock:
            if name.casefold() in self.members:
                tell(connection, "taken")
                return False
            self.members[name.casefold()] = connection
            tell(connection, "welcome")
            return True

    def say(self, name, text):
        with self.lock:
            for key, connection in self.members.items():
                if key != name.casefold():
                    tell(connection, f"{name}: {text}")

    def leave(self, name):
        with self.lock:
            del self.members[name.casefold()]

    def attend(self, connection):
        with connection, contextlib.suppress(OSError):
            lines = lines_of(connection)
            for line in lines:
                if len(line) > 16:
                    tell(connection, "too long")
                    return
                name = line.decode()
                if self.join(name, connection):
                    try:
                        self.talk(name, connection, lines)
                    finally:
                        self.leave(name)
                    return

    def talk(self, name, connection, lines):
        for line in lines:
            if line == b"/quit":
                tell(connection, "bye")
                return
            if len(line) > 200:
                tell(connection, "too long")
                return
            if line:
                self.say(name, line.decode())


def serve(host, port, stop):
    chat, threads = Chat(), []
    with socket.create_server((host, port)) as listener:
        listener.settimeout(0.1)
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                connection.settimeout(None)
                threads.append(threading.Thread(target=chat.attend, args=[connection]))
                threads[-1].start()
    for thread in threads:
        thread.join()
