"""Waits for two bytes behind the data, where the first is wrong already.

refused by: a chunk ends where it says
misconception:
"""

HEX = frozenset(b"0123456789abcdefABCDEF")
TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
CONTROLS = (frozenset(range(0x20)) - {0x09}) | {0x7F}  # a tab may stand in a value


class Refused(Exception):
    """Raised with the status that the client gets."""


class Chunks:
    """One body in chunks: bytes in, the body out. It does no I/O."""

    def __init__(self, body=1_048_576, lines=1024):
        self.most = body
        self.room = lines  # for the line of a size; for all trailers
        self.kept = bytearray()  # what has come and is not used yet
        self.body = bytearray()
        self.trailers = []
        self.missing = 0  # bytes of the chunk
        self.step = self._size  # takes the part that is due; None at the end of the body
        self.over = False

    def feed(self, data):
        if self.over:
            return None
        self.kept += data
        event = None
        try:
            while self.step and self.step():
                pass
            if not self.step:
                event = ("body", bytes(self.body), self.trailers, bytes(self.kept))
        except Refused as refused:
            event = ("error", refused.args[0])
        self.over = event is not None
        return event

    # Each step takes its part off what is kept, or returns False while it is not whole.

    def _size(self):
        line = self._line(400)
        if line is None:
            return False
        size = size_of(line)
        if size is None:
            raise Refused(400)
        if len(self.body) + size > self.most:
            raise Refused(413)
        self.missing = size
        self.step = self._data if size else self._trailer
        return True

    def _data(self):
        piece = self.kept[: self.missing]
        del self.kept[: self.missing]
        self.body += piece
        self.missing -= len(piece)
        if self.missing:
            return False
        self.step = self._end
        return True

    def _end(self):
        if len(self.kept) < 2:
            return False
        if self.kept[:2] != b"\r\n":
            raise Refused(400)
        del self.kept[:2]
        self.step = self._size
        return True

    def _trailer(self):
        line = self._line(431)
        if line is None:
            return False
        self.room -= len(line) + 2
        if line:
            self.trailers.append(field(line))
        else:
            self.step = None
        return True

    def _line(self, status):
        """The next line, without its CR LF; None while it is not whole."""
        end = self.kept.find(b"\r\n")
        if (end + 2 if end >= 0 else len(self.kept)) > self.room:
            raise Refused(status)
        if end < 0:
            return None
        line = bytes(self.kept[:end])
        del self.kept[: end + 2]
        return line


def size_of(line):
    size, semicolon, extension = line.partition(b";")
    if semicolon:
        size = size.rstrip(b" \t")
    if not (size and HEX.issuperset(size) and CONTROLS.isdisjoint(extension)):
        return None
    return int(size, 16)


def field(line):
    name, colon, value = line.partition(b":")
    value = value.strip(b" \t")
    if not (name and colon and TOKEN.issuperset(name) and CONTROLS.isdisjoint(value)):
        raise Refused(400)
    return name.lower(), value
