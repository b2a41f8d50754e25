"""HTTP servers, right ones and wrong ones, for the exercise `break_http`.

The protocol: GET is answered by the target and a line feed, HEAD as GET is, without the body, POST
by the body that was sent, and DELETE by 204. A connection carries as many requests as the client
likes; a response after which it ends says Connection: close. Each function takes a listening socket
and serves until that is closed. A wrong one has one fault, which its first line names; in
everything else it does what `by_buffer` does, a right one.

Source: RFC 9112 (6.3 on the length of a body, 7.1 on chunks, 9.3 and 9.6 on connections), RFC 9110
(9.3.2 on HEAD, 15.3.5 on 204).
"""

import contextlib
import itertools
import threading

LATE = 1.5  # seconds in which more bytes come in the same read as a part of a request
PART = 2.0  # seconds to wait for the client's end, behind the last response
END = b"\r\n\r\n"


class _Buffered:
    """One connection: keep what has come until it is a whole request, and answer that."""

    def __init__(self, connection):
        self.connection = connection
        self.buffer = b""
        self.answered = 0
        self.over = False

    def talk(self):
        while not self.over and (data := self.read()):
            self.buffer += data
            while not self.over and (request := self.take()):
                self.answer(*request)
                self.answered += 1

    def read(self):
        """Read as a busy server does: late, when all that has come is a part of a request.

        So a pause between two sends does not cut a request; only the response to an earlier one
        shows that the server has read. Who sends whole requests never waits for this.
        """
        data = self.connection.recv(65536)
        self.connection.settimeout(LATE)
        with contextlib.suppress(TimeoutError):
            while data and not self.parsed(self.buffer + data):
                if not (more := self.connection.recv(65536)):
                    break
                data += more
        self.connection.settimeout(None)
        return data

    def take(self):
        """The first request in the buffer, which is taken out of it; None where none is whole."""
        if found := self.parsed(self.buffer):
            *request, self.buffer = found
            return request
        return None

    def parsed(self, data):
        """Method, target, body, and what follows; None where the request is not whole."""
        head, end, rest = data.partition(END)
        if not end:
            return None
        first, *lines = head.split(b"\r\n")
        method, target, *_ = *first.split(b" "), b"/"
        length = self.length_of(lines)
        if len(rest) < length:
            return None
        return method, target, rest[:length], rest[length:]

    def length_of(self, lines):
        """The value of Content-Length, or 0."""
        for line in lines:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                return int(value)
        return 0

    def answer(self, method, target, body):
        if method == b"DELETE":
            self.send(b"204 No Content", [], b"")
        elif method == b"POST":
            self.respond(body)
        elif method == b"HEAD":
            self.respond_to_head(target + b"\n")
        else:
            self.respond(target + b"\n")

    def respond(self, body):
        self.send(b"200 OK", [b"Content-Length: %d" % len(body)], body)

    def respond_to_head(self, body):
        self.send(b"200 OK", [b"Content-Length: %d" % len(body)], b"")

    def refuse(self):
        self.send(b"400 Bad Request", [b"Content-Length: 0", b"Connection: close"], b"")
        self.over = True

    def send(self, status, fields, body):
        self.connection.sendall(b"\r\n".join([b"HTTP/1.1 " + status, *fields]) + END + body)


def _serve(listener, talk):
    """A thread for each client; a broken connection ends that client only."""

    def attend(connection):
        with connection, contextlib.suppress(OSError):
            talk(connection)
            # A close with bytes unread would be a reset, and take the last response along.
            connection.shutdown(1)
            connection.settimeout(PART)
            while connection.recv(65536):
                pass

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=attend, args=(connection,)).start()


def _each(listener, kind):
    """Serve each connection by an object of that kind."""
    _serve(listener, lambda connection: kind(connection).talk())


# ---- right servers ----


def by_buffer(listener):
    """Keep a buffer for each connection, and say how long each body is."""
    _each(listener, _Buffered)


def by_stream(listener):
    """Read a buffered file, answer in chunks and in pieces, and close behind the third response."""

    def talk(connection):
        with connection.makefile("rb") as stream:
            for number in itertools.count(1):
                if not (first := stream.readline()):
                    return
                length = 0
                while (line := stream.readline()) not in (b"\r\n", b""):
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                method, target, _ = first.split()
                body = stream.read(length) if method == b"POST" else target + b"\n"
                for piece in pieces(method, body, number == 3):
                    connection.sendall(piece)
                if number == 3:
                    return

    def pieces(method, body, last):
        gone = method == b"DELETE"
        yield b"HTTP/1.1 204 \r\n" if gone else b"HTTP/1.1 200 Fine\r\n"
        yield b"x-powered-by:tea\r\nserver: \t stream\r\n"
        yield b"connection: %s\r\n" % (b"close" if last else b"keep-alive")
        yield b"\r\n" if gone else b"transfer-encoding: chunked\r\n\r\n"
        if method in (b"GET", b"POST"):
            for piece in (body[:1], body[1:]):
                yield b"%X;a=b\r\n%s\r\n" % (len(piece), piece) if piece else b""
            yield b"0\r\n\r\n"

    _serve(listener, talk)


def one_each(listener):
    """Close behind each response, and say so; what the client has sent behind it is its loss."""

    class Right(_Buffered):
        def send(self, status, fields, body):
            super().send(status, [b"Date: today", *fields, b"Connection: Close"], body)
            self.over = True

    _each(listener, Right)


# ---- wrong servers ----


def one_read_is_the_request(listener):
    """Take what a read has returned for whole requests, and refuse what is not."""

    class Wrong(_Buffered):
        def talk(self):
            while not self.over and (data := self.read()):
                self.buffer = data
                while not self.over and (request := self.take()):
                    self.answer(*request)
                if self.buffer and not self.over:
                    self.refuse()

    _each(listener, Wrong)


def forgets_what_lies_behind(listener):
    """Read until there is a whole request, answer that, and forget what has come behind it."""

    class Wrong(_Buffered):
        def take(self):
            if found := self.parsed(self.buffer):
                self.buffer = b""
                return found[:3]
            return None

    _each(listener, Wrong)


def knows_one_case(listener):
    """Look for Content-Length in these letters, and for no others."""

    class Wrong(_Buffered):
        def length_of(self, lines):
            return super().length_of([line for line in lines if line.startswith(b"Content-L")])

    _each(listener, Wrong)


def answers_head_with_a_body(listener):
    """Answer HEAD as GET, body included."""

    class Wrong(_Buffered):
        def respond_to_head(self, body):
            self.respond(body)

    _each(listener, Wrong)


def says_more_than_no_content(listener):
    """Send a body with 204."""

    class Wrong(_Buffered):
        def send(self, status, fields, body):
            if status.startswith(b"204"):
                fields, body = [b"Content-Length: 5"], b"gone\n"
            super().send(status, fields, body)

    _each(listener, Wrong)


def counts_characters(listener):
    """Count the characters of a body, where its bytes are meant."""

    class Wrong(_Buffered):
        def respond(self, body):
            length = len(body.decode(errors="replace"))
            self.send(b"200 OK", [b"Content-Length: %d" % length], body)

    _each(listener, Wrong)


def forgets_the_last_line(listener):
    """Send bodies in chunks, and leave out the empty line behind the last chunk."""

    class Wrong(_Buffered):
        def respond(self, body):
            chunk = b"%x\r\n%s\r\n" % (len(body), body)
            self.send(b"200 OK", [b"Transfer-Encoding: chunked"], chunk + b"0\r\n")

    _each(listener, Wrong)


def closes_without_a_word(listener):
    """Close behind the second response, and do not say so."""

    class Wrong(_Buffered):
        def answer(self, method, target, body):
            super().answer(method, target, body)
            self.over = self.answered == 1

    _each(listener, Wrong)
