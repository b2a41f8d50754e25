"""Servers with threads, right ones and wrong ones, for the exercise `break_threads`.

The protocol: each line that ends in a line feed is answered by the number of lines so far, over all
clients, a space, and the line. Three clients have a place and the others wait in the backlog; a
line has to be complete a second after its first byte, and who is slower has lost the connection
two seconds after it. Each function takes a listening socket and serves until that is closed. A
wrong one has one fault, which its first line names; in everything else it does what `by_clients`
does, a right one.
"""

import contextlib
import itertools
import socket
import threading
import time

PLACES = 3
SECONDS = 1.0  # for a line, from its first byte
LATE = 1.8  # seconds from that byte, until a right server that takes its time has closed
BUFFER = 16 * 1024  # bytes: what nobody reads fills it soon
LOOK = 0.05  # seconds between two looks at whether the listener was stopped


class _Counting:
    """Count the lines of all clients, with a thread and a place for each client."""

    def __init__(self, listener):
        self.listener = listener
        self.places = threading.Semaphore(PLACES)
        self.lock = threading.Lock()
        self.number = 0

    def serve(self):
        while True:
            self.take_a_place()
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
            self.begin(connection)

    def take_a_place(self):
        while not self.places.acquire(timeout=LOOK):
            if self.listener.stopping:
                raise OSError("the listener was stopped")

    def begin(self, connection):
        threading.Thread(target=self.attend, args=(connection,)).start()

    def attend(self, connection):
        with connection, contextlib.suppress(OSError):  # a reset, or a line that took too long
            self.talk(connection)
        self.places.release()

    def talk(self, connection):
        unfinished = b""
        while True:
            until = time.monotonic() + SECONDS
            while b"\n" not in unfinished:
                connection.settimeout(self.patience(until) if unfinished else None)
                if not (piece := connection.recv(4096)):
                    return
                if not unfinished:
                    until = time.monotonic() + SECONDS
                    self.line_begins()
                unfinished += piece
            connection.settimeout(None)
            line, _, unfinished = unfinished.partition(b"\n")
            self.answer(connection, line)

    def patience(self, until):
        """The seconds that a recv may take."""
        if (left := until - time.monotonic()) <= 0:
            raise TimeoutError("the line took too long")
        return left

    def line_begins(self):
        """The first bytes of a line are there."""

    def answer(self, connection, line):
        with self.lock:
            self.number += 1
            number = self.number
        connection.sendall(b"%d %s\n" % (number, line))


# ---- right servers ----


def by_clients(listener):
    """Start a thread for each client that has got a place."""
    _Counting(listener).serve()


def by_workers(listener):
    """Have as many threads as places; each accepts a client and serves it, then the next one."""
    _work(listener, SECONDS)


def by_late_workers(listener):
    """Do what by_workers do, and close a slow client as late as it may be."""
    _work(listener, LATE)


def _work(listener, closed_after):
    numbers = itertools.count(1)
    accepting, counting = threading.Lock(), threading.Lock()

    def serve_one():
        with accepting:
            connection, _ = listener.accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, contextlib.suppress(OSError):
            unfinished, begun = b"", 0.0
            while True:
                left = begun + closed_after - time.monotonic() if unfinished else None
                if left is not None and left <= 0:
                    return
                connection.settimeout(left)
                piece = connection.recv(100)
                if not piece:
                    return
                begun = begun if unfinished else time.monotonic()
                *lines, unfinished = (unfinished + piece).split(b"\n")
                if lines and time.monotonic() - begun > SECONDS:
                    return
                connection.settimeout(None)
                for line in lines:
                    with counting:
                        number = next(numbers)
                    connection.sendall(b"%d " % number)  # in two pieces, as it may
                    connection.sendall(line + b"\n")
                    begun = time.monotonic()

    def work():
        with contextlib.suppress(OSError):  # the listener was stopped
            while True:
                serve_one()

    workers = [threading.Thread(target=work) for _ in range(PLACES)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


# ---- wrong servers ----


def one_at_a_time(listener):
    """Serve one client after the other."""

    class Wrong(_Counting):
        def begin(self, connection):
            self.attend(connection)

    Wrong(listener).serve()


def no_places(listener):
    """Start a thread for whoever connects."""

    class Wrong(_Counting):
        def take_a_place(self):
            pass

    Wrong(listener).serve()


def loses_places(listener):
    """Give a place back at the end of the stream, and not when the connection breaks."""

    class Wrong(_Counting):
        def attend(self, connection):
            with connection:
                try:
                    self.talk(connection)
                except ConnectionError:
                    return
                except OSError:
                    pass
            self.places.release()

    Wrong(listener).serve()


def timeout_for_each_read(listener):
    """Give each recv all of the time that a line has."""

    class Wrong(_Counting):
        def patience(self, until):
            return SECONDS

    Wrong(listener).serve()


def sends_with_the_lock(listener):
    """Send the reply with the lock held that guards the number."""

    class Wrong(_Counting):
        def answer(self, connection, line):
            with self.lock:
                self.number += 1
                connection.sendall(b"%d %s\n" % (self.number, line))

    Wrong(listener).serve()


def looks_early(listener):
    """Look at the number when a line begins, and store the next one when it ends."""

    class Wrong(_Counting):
        def line_begins(self):
            seen.number = self.number

        def answer(self, connection, line):
            number = self.number = seen.number + 1
            self.line_begins()  # of the next line, which may have come with this one
            connection.sendall(b"%d %s\n" % (number, line))

    seen = threading.local()
    Wrong(listener).serve()
