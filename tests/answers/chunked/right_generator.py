"""A generator asks for a line, or for so many bytes, and is resumed when they are there."""

import re

SIZE = re.compile(rb"([0-9A-Fa-f]+)(?:[ \t]*;[^\x00-\x08\x0a-\x1f\x7f]*)?")
FIELD = re.compile(rb"([-!#$%&'*+.^_`|~0-9A-Za-z]+):([^\x00-\x08\x0a-\x1f\x7f]*)")
TOO_LONG = "a line that is too long"


class Chunks:
    def __init__(self, body=1_048_576, lines=1024):
        self.limit = body
        self.left = lines
        self.data = b""
        self.reader = self.read()
        self.wanted = next(self.reader)

    def feed(self, data):
        self.data += data
        while self.wanted is not None:
            piece = self.take(self.wanted)
            if piece is None:
                return None
            try:
                self.wanted = self.reader.send(piece)
            except StopIteration as stop:
                self.wanted = None
                if isinstance(stop.value, int):
                    return ("error", stop.value)
                return ("body", *stop.value, self.data)
        return None

    def take(self, wanted):
        """A line, or so many bytes; None when they are not there."""
        if wanted == "line":
            wanted = self.data.find(b"\r\n") + 2
            if (wanted if wanted > 1 else len(self.data)) > self.left:
                return TOO_LONG
            if wanted == 1:
                return None
        elif len(self.data) < wanted and not (wanted == 2 and self.data not in (b"", b"\r")):
            return None
        piece, self.data = self.data[:wanted], self.data[wanted:]
        return piece

    def read(self):
        body = []
        size = None
        while size != 0:
            line = yield "line"
            match = SIZE.fullmatch(line[:-2]) if line is not TOO_LONG else None
            if not match:
                return 400
            size = int(match[1], 16)
            self.limit -= size
            if self.limit < 0:
                return 413
            if size > 0:
                body.append((yield size))
                if (yield 2) != b"\r\n":
                    return 400
        trailers = []
        while (line := (yield "line")) != b"\r\n":
            if line is TOO_LONG:
                return 431
            self.left -= len(line)
            match = FIELD.fullmatch(line[:-2])
            if not match:
                return 400
            trailers.append((match[1].lower(), match[2].strip(b" \t")))
        return b"".join(body), trailers
