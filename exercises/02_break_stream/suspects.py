"""Shout servers, right ones and wrong ones, for the exercise `break_stream`.

The protocol: each line of UTF-8 that ends in a line feed is answered by one line, the same text in
capitals. Each function takes a listening socket and serves until that is closed. A wrong one has
one fault, which its first line names; in everything else it keeps to the protocol.

Nothing else gives a wrong one away: how it accepts, reads, waits and takes bytes that are not UTF-8
is the same as in `buffered`, a right one. `by_file`, another right one, does all of that otherwise.
"""

import threading

LATE = 1.5  # seconds in which more bytes come in the same read as half a line


def _clients(listener, talk, *, forgiving=True):
    """Accept clients one after the other; a broken connection ends that client only."""
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                talk(connection)
            except ConnectionError:
                if not forgiving:
                    raise


def _read(connection):
    """Read as a busy server does: late, when all that has come is the start of a line.

    So a pause between two sends does not cut a line; only the reply to an earlier line shows that
    the server has read, as a rule also what was sent with that line. Who sends whole lines, or more
    than that, never waits for this.
    """
    data = connection.recv(4096)
    connection.settimeout(LATE)
    try:
        while data and b"\n" not in data and (more := connection.recv(4096)):
            data += more
    except TimeoutError:
        pass
    connection.settimeout(None)
    return data


def _reply(line):
    return line.decode(errors="replace").upper().encode() + b"\n"


def _answer_lines(connection, buffer, reply=_reply):
    """Answer every complete line of the buffer, and keep the rest in it."""
    while b"\n" in buffer:
        line, _, rest = buffer.partition(b"\n")
        buffer[:] = rest
        connection.sendall(reply(line))


def _talk(connection):
    buffer = bytearray()
    while data := _read(connection):
        buffer += data
        _answer_lines(connection, buffer)


# ---- right servers ----


def buffered(listener):
    """Keep a buffer for each connection."""
    _clients(listener, _talk)


def by_file(listener):
    """Read through a buffered file, with a thread for each client."""

    def talk(connection):
        with connection, connection.makefile("rb") as lines:
            try:
                for line in lines:
                    if line.endswith(b"\n"):
                        connection.sendall(line.decode().upper().encode())
            except (ConnectionError, UnicodeDecodeError):
                return

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=talk, args=(connection,)).start()


# ---- wrong servers ----


def repeats(listener):
    """Send each line back as it came."""

    def talk(connection):
        while data := _read(connection):
            connection.sendall(data)

    _clients(listener, talk)


def reads_are_lines(listener):
    """Answer the unfinished end of a read as if it were a line."""

    def talk(connection):
        while data := _read(connection):
            for line in data.removesuffix(b"\n").split(b"\n"):
                connection.sendall(_reply(line))

    _clients(listener, talk)


def decodes_reads(listener):
    """Decode each read by itself."""

    def talk(connection):
        text = ""
        while data := _read(connection):
            text += data.decode(errors="replace")
            while "\n" in text:
                line, _, text = text.partition("\n")
                connection.sendall(_reply(line.encode()))

    _clients(listener, talk)


def first_line_only(listener):
    """Answer one line of each read, and drop the lines behind it."""

    def talk(connection):
        buffer = bytearray()
        while data := _read(connection):
            buffer += data
            line, found, rest = buffer.partition(b"\n")
            if found:
                connection.sendall(_reply(line))
                buffer = bytearray(rest.rpartition(b"\n")[2])

    _clients(listener, talk)


def one_buffer(listener):
    """Keep one buffer for all connections."""
    buffer = bytearray()

    def talk(connection):
        while data := _read(connection):
            buffer.extend(data)
            _answer_lines(connection, buffer)

    _clients(listener, talk)


def dies_by_reset(listener):
    """End the server when a client resets its connection."""
    _clients(listener, _talk, forgiving=False)


def ascii_capitals(listener):
    """Write capitals for A to Z only."""

    def reply(line):
        text = line.decode(errors="replace")
        return "".join(each.upper() if each.isascii() else each for each in text).encode() + b"\n"

    def talk(connection):
        buffer = bytearray()
        while data := _read(connection):
            buffer += data
            _answer_lines(connection, buffer, reply)

    _clients(listener, talk)
