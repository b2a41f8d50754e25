"""Never answers 200 with anything but a document.

refused by: catches a 200 taken for success
misconception: status-200-is-success
"""

import contextlib
import json
import socket
import threading
import time


def talk(connection, script, heads):
    """Run the script for each request of one connection, until its client has left."""
    with contextlib.suppress(OSError), connection, connection.makefile("rb") as stream:
        while first := stream.readline():
            head = [first]
            while head[-1].strip():
                head.append(stream.readline())
            heads.append(head)
            if script(connection, first.split()[1]) == "close":
                break


class Server:
    """Runs script(connection, path) for each request; `heads` are the requests that came."""

    def __init__(self, script):
        self.script, self.heads, self.threads, self.over = script, [], [], False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"

    def __enter__(self):
        self.begin(self.accept)
        return self

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            if self.over:
                return connection.close()
            self.begin(talk, connection, self.script, self.heads)

    def begin(self, work, *args):
        self.threads.append(threading.Thread(target=work, args=args))
        self.threads[-1].start()

    def __exit__(self, *error):
        self.over = True
        socket.create_connection(self.listener.getsockname()).close()  # wakes accept
        for thread in self.threads:
            thread.join()
        self.listener.close()


LONG = 4.0  # seconds for what comes at once
FRAME = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s"
FOUND = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: %s\r\n\r\n"


def response(document, status=b"200 OK", missing=0):
    body = json.dumps(document, ensure_ascii=False).encode()
    return FRAME % (status, len(body) + missing, body)


def sends(data, then=None):
    def script(connection, path):
        connection.sendall(data)
        return then

    return script


def drips(connection, path):
    for at, byte in enumerate(data := response({"value": "slow"})):
        connection.sendall(bytes([byte]))
        if at > len(data) - 16:
            time.sleep(0.1)


def leads_on(connection, path):
    hop = int(path[1:] or 0)
    connection.sendall(FOUND % b"/%d" % (hop + 1) if hop < 10 else response({"value": "far"}))


def in_chunks(connection, path):
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in '{"value": "grün"}'.encode())
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s0\r\n\r\n" % chunks)


PROBES = [
    (sends(response({"value": "kept"})), LONG, ("ok", "kept")),
    (sends(response({"value": "old"}, b"503 Down")), LONG, ("status", None)),
    (sends(response({"value": "x" * 20_000})), LONG, ("large", None)),
    (sends(response({"value": "half"}, missing=9), "close"), LONG, ("broken", None)),
    (in_chunks, LONG, ("ok", "grün")),
    (leads_on, LONG, ("lost", None)),
    (drips, 0.5, ("late", None)),
]


def find_fault(fetch):
    for script, seconds, wanted in PROBES:
        with Server(script) as server:
            if (got := fetch(server.url, seconds)) != wanted:
                return f"it reports {got}, not {wanted}"
    with Server(sends(response({"value": "there"}))) as there:
        with Server(sends(FOUND % there.url.encode())) as here:
            fetch(here.url, LONG)
    if any(line.lower().startswith(b"x-api-key:") for head in there.heads for line in head):
        return "its key went to another port"
    return None
