"""Takes the nickname off the members also when it was another client that had it.

refused by: sentence 4: what comes behind taken
misconception:
"""

import socket
import threading
from contextlib import suppress

PAGE = {
    1: "CRLF",
    2: "12 characters",
    3: "exact",
    4: "end",
    5: "all",
    6: "sent",
    7: "dropped",
    8: "silence",
}


def page():
    return PAGE


class Member:
    def __init__(self, connection):
        self.connection = connection
        self.lines = connection.makefile("rb")
        self.name = None

    def read(self):
        """The next line as bytes; None at the end of the stream."""
        line = self.lines.readline()
        return line[:-2] if line.endswith(b"\r\n") else None

    def write(self, text):
        with suppress(OSError):
            self.connection.sendall(text.encode() + b"\n")


def enter(member, members, lock):
    """Whether a client is in: its first line has to be a nickname that is free."""
    line = member.read()
    if line is None:
        return False
    member.name = name = line.decode()
    with lock:
        if len(name) > 12:
            answer = "too long"
        elif any(other.name == name for other in members):
            answer = "taken"
        else:
            answer = "welcome"
            members.add(member)
        member.write(answer)
    return answer == "welcome"


def talk(member, members, lock):
    while (line := member.read()) is not None:
        text = line.decode()
        if text == "/quit":
            return
        if len(line) <= 200:
            with lock:
                for other in members:
                    other.write(f"{member.name}: {text}")


def attend(connection, members, lock):
    member = Member(connection)
    with connection, member.lines, suppress(OSError):
        try:
            if enter(member, members, lock):
                talk(member, members, lock)
        finally:
            with lock:
                for other in [each for each in members if each.name == member.name]:
                    members.discard(other)


def serve(host, port, stop):
    members, lock, threads = set(), threading.Lock(), []
    with socket.create_server((host, port)) as listener:
        listener.settimeout(0.1)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(None)
            thread = threading.Thread(target=attend, args=(connection, members, lock))
            thread.start()
            threads.append(thread)
    for thread in threads:
        thread.join()
