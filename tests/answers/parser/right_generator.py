"""A generator asks for a line, or for so many bytes, and is resumed when they are there."""

import re

LINE = re.compile(rb"([-!#$%&'*+.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP/([0-9])\.[0-9]")
FIELD = re.compile(rb"([-!#$%&'*+.^_`|~0-9A-Za-z]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")


class Parser:
    def __init__(self, head=8192, body=1_048_576):
        self._limit = head
        self._body = body
        self._data = b""
        self._events = []
        self._status = 414
        self._steps = self._run()
        self._wanted = next(self._steps)

    def feed(self, data):
        if self._wanted == "nothing":
            return []
        self._data += data
        try:
            while (piece := self._take()) is not None:
                self._wanted = self._steps.send(piece)
        except StopIteration:
            self._data, self._wanted = b"", "nothing"
        events, self._events = self._events, []
        return events

    def _take(self):
        """What the generator waits for; None when it is not there yet."""
        if self._wanted == "line":
            line, end, rest = self._data.partition(b"\n")
            if len(line) + len(end) > self._left:
                return self._status
            if not end:
                return None
            self._left -= len(line) + 1
            self._data = rest
            return line[:-1] if line[-1:] == b"\r" else line
        if len(self._data) < self._wanted:
            return None
        piece = self._data[: self._wanted]
        self._data = self._data[self._wanted :]
        return piece

    def _run(self):
        while True:
            status = yield from self._one()
            if status:
                self._events.append(("error", status))
                return

    def _one(self):
        """Read one request; 0, or the status of an error."""
        first = b""
        while first == b"":
            self._left, self._status = self._limit, 414
            first = yield "line"
        self._status = 431
        lines = []
        while isinstance(first, bytes):
            line = yield "line"
            if line == b"":
                break
            if isinstance(line, int):
                return line
            lines.append(line)
        else:
            return first
        asked = LINE.fullmatch(first)
        pairs = [FIELD.fullmatch(line) for line in lines]
        if not asked or None in pairs:
            return 400
        if asked[3] != b"1":
            return 505
        fields = [(pair[1].lower(), pair[2].rstrip(b" \t")) for pair in pairs]
        said = {}
        for name, value in fields:
            said.setdefault(name, []).append(value)
        version = first[-8:]
        hosts = len(said.get(b"host", ()))
        if hosts > 1 or (hosts == 0 and version > b"HTTP/1.0"):
            return 400
        lengths = set(said.get(b"content-length", ()))
        if b"transfer-encoding" in said:
            return 400 if lengths else 501
        if len(lengths) > 1 or not all(re.fullmatch(rb"[0-9]+", each) for each in lengths):
            return 400
        digits = lengths.pop().lstrip(b"0") if lengths else b""
        if len(digits) > 9 or int(digits or b"0") > self._body:
            return 413
        body = yield int(digits or b"0")
        self._events.append(("request", asked[1], asked[2], version, fields, body))
        return 0
