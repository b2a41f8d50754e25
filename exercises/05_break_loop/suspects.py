"""Event loops, right ones and wrong ones, for the exercise `break_loop`.

The protocol: one thread sends back to each client every byte that it sends, in order. Output for
which there is no room is pending; while 1 MiB or more of it is, nothing is read from that
client. A client that ends its direction gets what is pending and then the end; one that resets its
connection ends this connection only. Each function takes a listening socket and serves until that
is closed. A wrong one has one fault, which its first line names; in everything else it does what
`by_readiness` does, a right one.
"""

import contextlib
import select
import selectors
import socket

LIMIT = 1024 * 1024  # bytes that are pending for a client when nothing more is read from it
PIECE = 64 * 1024  # bytes that are read at once
BUFFER = 64 * 1024  # bytes: what nobody reads fills it soon
LOOK = 0.05  # seconds between two looks at whether the listener was stopped
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


def _accepted(listener):
    connection, _ = listener.accept()
    for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        connection.setsockopt(socket.SOL_SOCKET, buffer, BUFFER)
    connection.setblocking(False)
    return connection


class _Client:
    """What the loop keeps of a client, and what it does when the client is ready."""

    def __init__(self, connection, selector):
        self.connection, self.selector = connection, selector
        self.pending = bytearray()
        self.ended = False
        selector.register(connection, READ, self)

    def turn(self, events):
        try:
            if events & READ:
                self.read()
            if events & WRITE:
                self.write()
        except BlockingIOError:
            pass  # not ready after all
        except ConnectionError:
            self.failed()
        self.watch()

    def failed(self):
        self.pending.clear()
        self.ended = True

    def read(self):
        data = self.connection.recv(PIECE)
        self.pending += data
        self.ended = not data

    def write(self):
        sent = self.connection.send(self.pending[:PIECE])
        del self.pending[:sent]

    def may_read(self):
        return len(self.pending) < LIMIT

    def watch(self):
        events = WRITE if self.pending else 0
        if not self.ended and self.may_read():
            events |= READ
        if events:
            self.selector.modify(self.connection, events, self)
        else:
            self.selector.unregister(self.connection)
            self.connection.close()


def _loop(listener, client):
    """Serve by one selector; `client` makes what is kept of each."""
    with selectors.DefaultSelector() as selector:
        listener.setblocking(False)
        selector.register(listener, READ)
        try:
            while not listener.stopping:
                for key, events in selector.select(LOOK):
                    if key.data is not None:
                        key.data.turn(events)
                    else:
                        with contextlib.suppress(BlockingIOError):
                            client(_accepted(listener), selector)
        finally:
            for key in list(selector.get_map().values()):
                if key.data is not None:
                    key.fileobj.close()


# ---- right loops ----


def by_readiness(listener):
    """Keep an object for each client in a selector."""
    _loop(listener, _Client)


def by_lists(listener):
    """Keep lists of pieces, ask select, and send little at once."""
    pending, ended = {}, set()

    def leave(connection):
        pending.pop(connection)
        ended.discard(connection)
        connection.close()

    def hear(connection):
        if data := connection.recv(PIECE):
            pending[connection].append(data)
        else:
            ended.add(connection)

    def tell(connection):
        piece = pending[connection].pop(0)
        sent = 0
        try:
            sent = connection.send(piece[:5000])  # it may send as little as it likes
        finally:
            if piece[sent:]:
                pending[connection].insert(0, piece[sent:])

    def turn(action, connection):
        try:
            action(connection)
        except BlockingIOError:
            pass
        except ConnectionError:
            leave(connection)

    def full(connection):
        return sum(map(len, pending[connection])) >= LIMIT

    listener.setblocking(False)
    try:
        while not listener.stopping:
            readers = [each for each in pending if each not in ended and not full(each)]
            writers = [each for each in pending if pending[each]]
            ready, room, _ = select.select([listener, *readers], writers, [], LOOK)
            for each in room:
                turn(tell, each)
            for each in ready:
                if each is listener:
                    with contextlib.suppress(BlockingIOError):
                        pending[_accepted(listener)] = []
                elif each in pending:
                    turn(hear, each)
            for each in [one for one in ended if not pending[one]]:
                leave(each)
    finally:
        for each in pending:
            each.close()


# ---- wrong loops ----


def waits_for_the_first_bytes(listener):
    """Wait, in the turn of a new client, for its first bytes."""

    class Wrong(_Client):
        def __init__(self, connection, selector):
            while not (listener.stopping or select.select([connection], [], [], LOOK)[0]):
                pass
            super().__init__(connection, selector)

    _loop(listener, Wrong)


def waits_for_room(listener):
    """Wait, in the turn of a client, until all that it has sent is sent back."""

    class Wrong(_Client):
        def read(self):
            super().read()
            while self.pending and not listener.stopping:
                if select.select([], [self.connection], [], LOOK)[1]:
                    self.write()

    _loop(listener, Wrong)


def forgets_at_the_end(listener):
    """Close a client that has ended its direction, whatever is pending for it."""

    class Wrong(_Client):
        def read(self):
            super().read()
            if self.ended:
                self.pending.clear()

    _loop(listener, Wrong)


def overtakes(listener):
    """Send new bytes at once when there is room, also while older ones are pending."""

    class Wrong(_Client):
        def read(self):
            data = self.connection.recv(PIECE)
            self.ended = not data
            sent = 0
            with contextlib.suppress(BlockingIOError):
                sent = self.connection.send(data)
            self.pending += data[sent:]

    _loop(listener, Wrong)


def has_no_bound(listener):
    """Read from a client, however much is pending for it."""

    class Wrong(_Client):
        def may_read(self):
            return True

    _loop(listener, Wrong)


def ends_with_a_reset(listener):
    """Let what a client's reset raises end the loop."""

    class Wrong(_Client):
        def failed(self):
            raise ConnectionResetError("a client has reset its connection")

    with contextlib.suppress(ConnectionError):
        _loop(listener, Wrong)
