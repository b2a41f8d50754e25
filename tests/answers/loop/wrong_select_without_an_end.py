"""Waits in select without an end: a stop that nobody speaks after is not seen.

refused by: stops whoever is connected
misconception: silent-peers-leave
"""

import contextlib
import selectors
import socket

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Client:
    def __init__(self, connection, selector, limit):
        self.connection, self.selector, self.limit = connection, selector, limit
        self.pending = bytearray()
        self.ended = False
        selector.register(connection, READ, self.turn)

    def turn(self, events):
        try:
            if events & READ:
                self.read()
            if events & WRITE:
                self.write()
        except BlockingIOError:
            return  # not ready after all
        except OSError:
            self.pending.clear()
            self.ended = True
        self.watch()

    def read(self):
        data = self.connection.recv(65536)
        self.pending += data
        self.ended = not data

    def write(self):
        sent = self.connection.send(self.pending)
        del self.pending[:sent]

    def watch(self):
        events = WRITE if self.pending else 0
        if not self.ended and len(self.pending) < self.limit:
            events |= READ
        if events:
            self.selector.modify(self.connection, events, self.turn)
        else:
            self.selector.unregister(self.connection)
            self.connection.close()


def serve(host, port, stop, limit):
    with (
        selectors.DefaultSelector() as selector,
        socket.create_server((host, port), backlog=200) as listener,
    ):

        def accept(events):
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                connection.setblocking(False)
                Client(connection, selector, limit)

        listener.setblocking(False)
        selector.register(listener, READ, accept)
        while not stop.is_set():
            for key, events in selector.select():
                key.data(events)
        for key in list(selector.get_map().values()):
            key.fileobj.close()
