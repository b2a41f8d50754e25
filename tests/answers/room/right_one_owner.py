"""The roster belongs to one thread, which gets what happens by a queue; there is no lock."""

import queue
import socket
import string
import threading

LETTERS = set(string.ascii_letters + string.digits)


def is_name(text):
    return 0 < len(text) <= 16 and set(text) <= LETTERS


def is_line(data):
    return data.endswith(b"\n")


class Member:
    def __init__(self, sock):
        self.sock = sock
        self.out = queue.Queue(500)
        self.over = threading.Event()  # nothing is put any more
        self.name = ""
        self.threads = []

    def give(self, text):
        try:
            self.out.put_nowait(text.encode() + b"\n")
        except queue.Full:
            self.break_off()

    def break_off(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is not connected any more

    def send(self):
        try:
            while not (self.over.is_set() and self.out.empty()):
                try:
                    line = self.out.get(timeout=0.1)
                except queue.Empty:
                    continue
                self.sock.sendall(line)
        except OSError:
            self.break_off()

    def receive(self, events):
        reason = ""
        try:
            with self.sock.makefile("rb") as stream:
                while is_line(line := stream.readline(4001)):
                    text = line[:-1].decode()
                    verdict = queue.SimpleQueue()
                    events.put(("line", self, text, verdict))
                    if reason := verdict.get():
                        break
                else:
                    reason = "line too long" if len(line) > 4000 else ""
        except UnicodeDecodeError:
            reason = "not UTF-8"
        except OSError:
            pass
        events.put(("leave", self, reason, None))


def own(events, members):
    """Decide all that concerns more than one client."""
    while (event := events.get()) is not None:
        kind, member, text, verdict = event
        if kind == "leave":
            leave(members, member, text)
        elif member.name:
            tell(members, member, f"{member.name}: {text}")
            verdict.put("")
        else:
            verdict.put(join(members, member, text))


def tell(members, speaker, text):
    for member in list(members.values()):
        if member is not speaker:
            member.give(text)


def join(members, member, name):
    if not is_name(name):
        return "bad nickname"
    if name in members:
        return "nickname taken"
    member.name = name
    members[name] = member
    member.give("* here: " + " ".join(sorted(members)))
    tell(members, member, f"* {name} joins")
    return ""


def leave(members, member, reason):
    if member.name:
        del members[member.name]
        tell(members, member, f"* {member.name} leaves")
    if reason:
        member.give(f"error: {reason}")
    member.over.set()


def attend(member, events):
    sender = threading.Thread(target=member.send)
    sender.start()
    member.receive(events)
    sender.join()
    member.sock.close()


def serve(host, port, stop):
    events = queue.Queue(100)
    owner = threading.Thread(target=own, args=(events, {}))
    owner.start()
    connected = []
    with socket.create_server((host, port)) as listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            connected = [pair for pair in connected if pair[0].is_alive()]
            try:
                sock, _ = listener.accept()
            except TimeoutError:
                continue
            member = Member(sock)
            connected.append((threading.Thread(target=attend, args=(member, events)), member))
            connected[-1][0].start()
    for thread, member in connected:
        member.break_off()
        thread.join()
    events.put(None)
    owner.join()
