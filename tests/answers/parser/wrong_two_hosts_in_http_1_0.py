"""Takes two Host where HTTP/1.0 needs none.

refused by: lines of one name
misconception: last-field-wins
"""

TOKEN = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
CONTROLS = (frozenset(range(0x20)) - {0x09}) | {0x7F}  # a tab may stand in a value
VISIBLE = frozenset(range(0x21, 0x7F))
LONGEST = 15  # digits of a length; int() refuses text of more than 4300


class Refused(Exception):
    """Raised with the status that the client gets."""


class Parser:
    """Bytes of one connection in, its requests out. It does no I/O."""

    def __init__(self, head=8192, body=1_048_576):
        self.most = {"head": head, "body": body}
        self.kept = bytearray()  # what has come and is not used yet
        self.lines = []  # of the head that is being read
        self.size = 0  # bytes of them
        self.waiting = None  # a head that is whole, and the length of its body
        self.over = False

    def feed(self, data):
        if self.over:
            return []
        self.kept += data
        events = []
        try:
            while (request := self._request()) is not None:
                events.append(request)
        except Refused as refused:
            self.over = True
            events.append(("error", refused.args[0]))
        return events

    def _request(self):
        """The next request, taken off what is kept; None while it is not whole."""
        while self.waiting is None:
            line = self._line()
            if line is None:
                return None
            if line:
                self.lines.append(line)
                continue
            if self.lines:
                self.waiting = self._head(self.lines)
            self.lines, self.size = [], 0  # an empty line before a request is skipped
        head, length = self.waiting
        if len(self.kept) < length:
            return None
        body = bytes(self.kept[:length])
        del self.kept[:length]
        self.waiting = None
        return ("request", *head, body)

    def _line(self):
        """The next line, without its end; None while it is not whole."""
        end = self.kept.find(b"\n") + 1
        if self.size + (end or len(self.kept)) > self.most["head"]:
            raise Refused(431 if self.lines else 414)
        if not end:
            return None
        line = bytes(self.kept[:end])
        del self.kept[:end]
        self.size += end
        return line.removesuffix(b"\n").removesuffix(b"\r")

    def _head(self, lines):
        """Method, target, version and fields, and how long the body is."""
        method, target, version = request_line(lines[0])
        fields = [field(line) for line in lines[1:]]

        def all_of(wanted):
            return [value for name, value in fields if name == wanted]

        hosts, lengths, codings = map(all_of, (b"host", b"content-length", b"transfer-encoding"))
        if len(hosts) != 1 and version != b"HTTP/1.0":
            raise Refused(400)
        if codings:
            raise Refused(400 if lengths else 501)
        return (method, target, version, fields), self._length(lengths)

    def _length(self, lengths):
        if not lengths:
            return 0
        if len(lengths) > 1 or not lengths[0].isdigit():
            raise Refused(400)
        digits = lengths[0].lstrip(b"0") or b"0"
        if len(digits) > LONGEST or int(digits) > self.most["body"]:
            raise Refused(413)
        return int(digits)


def request_line(line):
    words = line.split(b" ")
    if len(words) != 3:
        raise Refused(400)
    method, target, version = words
    if not (method and TOKEN.issuperset(method) and target and VISIBLE.issuperset(target)):
        raise Refused(400)
    digits = version[5:6] + version[7:]  # of HTTP/1.1
    if len(digits) != 2 or not digits.isdigit() or version != b"HTTP/%c.%c" % tuple(digits):
        raise Refused(400)
    if digits[:1] != b"1":
        raise Refused(505)
    return method, target, version


def field(line):
    name, colon, value = line.partition(b":")
    value = value.strip(b" \t")
    if not (name and colon and TOKEN.issuperset(name) and CONTROLS.isdisjoint(value)):
        raise Refused(400)
    return name.lower(), value
