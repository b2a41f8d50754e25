"""Waits for the blank line, and reads the whole head at once."""

import re
import string

BLANK = re.compile(rb"\n\r?\n")
LETTERS = set((string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~").encode())


def is_token(word):
    return len(word) > 0 and set(word) <= LETTERS


class Parser:
    def __init__(self, head=8192, body=1_048_576):
        self.limits = (head, body)
        self.buffer = b""
        self.done = False

    def feed(self, data):
        events = []
        if not self.done:
            self.buffer += data
            event = self.one()
            while event:
                events.append(event)
                event = self.one() if event[0] == "request" else None
            self.done = bool(events) and events[-1][0] == "error"
        return events

    def one(self):
        while self.buffer.startswith((b"\r\n", b"\n")):
            self.buffer = self.buffer[self.buffer.index(b"\n") + 1 :]
        blank = BLANK.search(self.buffer)
        size = blank.end() if blank else len(self.buffer)
        if size > self.limits[0]:
            has_line = b"\n" in self.buffer[: self.limits[0]]
            return ("error", 431 if has_line else 414)
        if not blank:
            return None
        lines = self.buffer[: blank.start()].split(b"\n")
        lines = [line[:-1] if line.endswith(b"\r") else line for line in lines]
        status, head, length = self.understand(lines)
        if status:
            return ("error", status)
        end = size + length
        if len(self.buffer) < end:
            return None
        body = self.buffer[size:end]
        self.buffer = self.buffer[end:]
        return ("request", *head, body)

    def understand(self, lines):
        """An error's status or None, the parts of the head, and the length of the body."""
        bad = 400, (), 0
        words = lines[0].split(b" ")
        if len(words) != 3 or not is_token(words[0]):
            return bad
        if not words[1] or any(not 0x20 < byte < 0x7F for byte in words[1]):
            return bad
        if not re.fullmatch(rb"HTTP/\d\.\d", words[2]):
            return bad
        if words[2][5] != ord("1"):
            return 505, (), 0
        fields, hosts, lengths, coded = [], 0, [], False
        for line in lines[1:]:
            name, colon, value = line.partition(b":")
            if not colon or not is_token(name):
                return bad
            value = value.strip(b"\t ")
            if any(byte < 0x20 and byte != 9 or byte == 0x7F for byte in value):
                return bad
            name = name.lower()
            fields.append((name, value))
            hosts += name == b"host"
            coded = coded or name == b"transfer-encoding"
            if name == b"content-length":
                lengths.append(value)
        if hosts != 1 and (hosts or words[2] != b"HTTP/1.0"):
            return bad
        if coded and not lengths:
            return 501, (), 0
        if coded or len(lengths) > 1 or (lengths and not re.fullmatch(rb"\d+", lengths[0])):
            return bad
        digits = lengths[0] if lengths else b"0"
        if len(digits) > 100 or int(digits) > self.limits[1]:
            return 413, (), 0
        return None, (*words, fields), int(digits)
