"""Reads all that has come from the start again with each piece, until it is whole."""

import re
import string

LETTERS = set((string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~").encode())
DIGITS = set(string.hexdigits.encode())


class Incomplete(Exception):
    pass


class Bad(Exception):
    pass


class Chunks:
    def __init__(self, body=1_048_576, lines=1024):
        self.limits = (body, lines)
        self.all = b""
        self.done = False

    def feed(self, data):
        if self.done:
            return None
        self.all += data
        try:
            event = ("body", *read(self.all, *self.limits))
        except Incomplete:
            return None
        except Bad as bad:
            event = ("error", *bad.args)
        self.done = True
        return event


def read(data, most, room):
    at, body = 0, b""
    while True:
        line, at = line_at(data, at, room, 400)
        match = re.match(rb"[^; \t]*(?=\Z|[ \t]*;)", line)
        size = match[0] if match else b""
        if not size or not set(size) <= DIGITS or has_control(line):
            raise Bad(400)
        number = int(size, 16)
        if number == 0:
            break
        if len(body) + number > most:
            raise Bad(413)
        body += data[at : at + number]
        end = data[at + number : at + number + 2]
        if end not in (b"", b"\r", b"\r\n"):
            raise Bad(400)
        if end != b"\r\n":
            raise Incomplete
        at += number + 2
    trailers = []
    begin = at
    while True:
        line, at = line_at(data, at, room - (at - begin), 431)
        if not line:
            return body, trailers, data[at:]
        name, colon, value = line.partition(b":")
        if not name or not colon or not set(name) <= LETTERS or has_control(value):
            raise Bad(400)
        trailers.append((name.lower(), value.strip(b" \t")))


def line_at(data, at, room, status):
    """The line that begins there, and where the next one does."""
    end = data.find(b"\r\n", at)
    if (len(data) if end < 0 else end + 2) - at > room:
        raise Bad(status)
    if end < 0:
        raise Incomplete
    return data[at:end], end + 2


def has_control(text):
    return any((byte < 32 and byte != 9) or byte == 127 for byte in text)
