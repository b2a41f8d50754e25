"""What each byte of an HTTP/1.1 stream is: method, target, field name, chunk size, body.

`parts` reads what one side of a connection sent, message after message, and gives every byte a
name. It is made for drawing, not for serving: it refuses nothing, and from where it does not
understand, all bytes are "not understood". Real requests and hostile ones can be drawn alike, and
so can those that are cut off: the end of the data ends a line, too.

Source: RFC 9112, sections 2.1 (message), 2.2 (empty lines before a request, a bare LF as the end of
a line), 3 and 4 (start lines), 5 (fields; 5.2 folded lines), 6.3 (how long a body is) and 7.1
(chunks).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

__all__ = ["KINDS", "Part", "Wins", "parts"]

KINDS = (
    "method",
    "target",
    "version",
    "status",
    "reason",
    "name",
    "value",
    "blank line",
    "chunk size",
    "chunk extension",
    "body",
    "separator",
    "not understood",
)
"""What a byte can be. A separator is a space, a colon, or the end of a line that has words."""

Wins = Literal["transfer-encoding", "content-length"]

_REQUEST_LINE = ("method", "target", "version")
_STATUS_LINE = ("version", "status", "reason")
_DIGITS = frozenset(b"0123456789")
_HEX = frozenset(b"0123456789abcdefABCDEF")
_UNTIL_THE_END = -1
_UNKNOWN = -2


class Part(NamedTuple):
    """The bytes from `start` up to `stop` are of one kind and belong to one message, from 0."""

    start: int
    stop: int
    kind: str
    message: int


def parts(
    data: bytes,
    *,
    responses: bool = False,
    methods: Sequence[bytes] = (),
    wins: Wins = "transfer-encoding",
) -> list[Part]:
    """The parts of a stream, in order, without gaps: each byte is in exactly one of them.

    responses: whether a server sent it.
    methods: of the requests that these responses answer, in order: that to HEAD has no body.
    wins: which field says how long a body is where there are both. By RFC 9112, section 6.3, it is
        Transfer-Encoding, and a server may refuse such a request (6.1). Two programs that decide
        differently see different messages in the same bytes.
    """
    stream = _Stream(data, responses, methods, wins)
    while stream.at < len(data) and stream.head():
        stream.body()
    stream.to(len(data), "not understood")
    return stream.found


class _Stream:
    """A place in the data, and the parts before it."""

    def __init__(self, data: bytes, responses: bool, methods: Sequence[bytes], wins: Wins) -> None:
        self.data = data
        self.responses = responses
        self.methods = methods
        self.wins = wins
        self.at = 0
        self.message = 0
        self.status = 0
        self.fields: dict[bytes, list[bytes]] = {}
        self.found: list[Part] = []

    def to(self, stop: int, kind: str) -> None:
        """The bytes from here up to `stop`, if there are any, are of that kind."""
        stop = min(stop, len(self.data))
        if stop > self.at:
            self.found.append(Part(self.at, stop, kind, self.message))
            self.at = stop

    # ---- the head ----

    def head(self) -> bool:
        """Read the start line and the fields; whether the start line is one."""
        while self._line() == b"" and self.at < len(self.data):
            self._end_line("separator")
        words = self._line().split(b" ", 2)
        kinds = _STATUS_LINE if self.responses else _REQUEST_LINE
        version = words[0] if self.responses else words[-1]
        if len(words) < 2 + (not self.responses) or not version.startswith(b"HTTP/"):
            return False
        if self.responses:
            if len(words[1]) != 3 or not _DIGITS.issuperset(words[1]):
                return False
            self.status = int(words[1])
        for number, (word, kind) in enumerate(zip(words, kinds, strict=False)):
            if number:
                self.to(self.at + 1, "separator")
            self.to(self.at + len(word), kind)
        self._end_line("separator")
        self.fields = {}
        self._fields()
        return True

    def _fields(self) -> None:
        """Field lines, up to the blank line and with it."""
        name = b""
        while self.at < len(self.data):
            line = self._line()
            if not line:
                self._end_line("blank line")
                return
            label, colon, value = line.partition(b":")
            if name and line[:1] in (b" ", b"\t"):  # folded: it goes on with the value before it
                self.to(self.at + len(line), "value")
                self.fields[name.lower()][-1] += b" " + line.strip(b" \t")
            elif not colon or line[:1] in (b" ", b"\t"):
                self.to(self.at + len(line), "not understood")
            else:
                name = label.rstrip(b" \t")
                self.to(self.at + len(name), "name")
                self.to(self.at + len(label) - len(name), "not understood")
                self.to(self.at + 1 + len(value) - len(value.lstrip(b" \t")), "separator")
                value = value.strip(b" \t")
                self.to(self.at + len(value), "value")
                self.fields.setdefault(name.lower(), []).append(value)
            self._end_line("separator")

    def _line(self) -> bytes:
        """The line from here on, without its end."""
        end = self.data.find(b"\n", self.at)
        return self.data[self.at : end if end >= 0 else len(self.data)].removesuffix(b"\r")

    def _end_line(self, kind: str) -> None:
        """Up to the next line: blanks behind the words, CR and LF."""
        end = self.data.find(b"\n", self.at)
        self.to(end + 1 if end >= 0 else len(self.data), kind)

    # ---- the body ----

    def body(self) -> None:
        """Read the body, however long it is, and go on to the next message."""
        length = self._length()
        if length is None:
            understood = self._chunks()
        else:
            understood = length != _UNKNOWN
            if understood:
                self.to(len(self.data) if length == _UNTIL_THE_END else self.at + length, "body")
        if not understood:
            self.to(len(self.data), "not understood")
        if not 100 <= self.status < 200:  # an answer is still to come
            self.message += 1

    def _length(self) -> int | None:
        """Bytes of the body; None when it comes in chunks. RFC 9112, section 6.3."""
        if self.responses:
            method = self.methods[self.message] if self.message < len(self.methods) else b""
            if method == b"HEAD" or 100 <= self.status < 200 or self.status in (204, 304):
                return 0
        codings = b",".join(self.fields.get(b"transfer-encoding", []))
        lengths = {
            each.strip(b" \t")
            for value in self.fields.get(b"content-length", [])
            for each in value.split(b",")
        }
        if codings and not (lengths and self.wins == "content-length"):
            if codings.split(b",")[-1].strip(b" \t").lower() == b"chunked":
                return None
            return _UNTIL_THE_END if self.responses else _UNKNOWN
        if lengths:
            (length, *others) = lengths
            if others or not length or not _DIGITS.issuperset(length):
                return _UNKNOWN
            # int() refuses thousands of digits, and no data is so long.
            digits = length.lstrip(b"0")
            return int(digits or b"0") if len(digits) < 19 else len(self.data)
        return _UNTIL_THE_END if self.responses else 0

    def _chunks(self) -> bool:
        """Read chunks and the fields behind them; whether they are understood."""
        while self.at < len(self.data):
            line = self._line()
            size = line.partition(b";")[0].rstrip(b" \t")
            if not size or not _HEX.issuperset(size):
                return False
            self.to(self.at + len(size), "chunk size")
            self.to(self.at + len(line) - len(size), "chunk extension")
            self._end_line("separator")
            left = int(size, 16)
            if left == 0:
                self._fields()
                return True
            self.to(self.at + left, "body")
            if self.at < len(self.data):
                if self._line():
                    return False
                self._end_line("separator")
        return True
