"""HTTP clients, right ones and wrong ones, for the exercise `break_client`.

The promise: fetch(url, seconds) asks for a document with GET and a key, and returns what happened,
a kind and a value: ("ok", value), or "status", "body", "large", "lost", "broken" or "late" with
None. Each function is such a client. A wrong one has one fault, which its first line names; in
everything else it does what `by_hand` does, a right one.

They use sockets, streams and h11: HTTPX would make a TLS context for each of the hundreds of
calls of one check. What they do wrong can be done wrong with HTTPX, too.

Source: RFC 9112 (6.3 on the length of a body, 8 on messages that are not complete), RFC 9110
(15.4 on redirects), RFC 6454 (on origins).
"""

import asyncio
import contextlib
import json
import socket
import time
from urllib.parse import urljoin, urlsplit

import h11

HOST = "127.0.0.1"
KEY = "s3cret"
LARGEST = 10_000  # bytes of a body
REDIRECTS = 5
ENDLESS = 60  # redirects that stand for all there are
PATIENCE = 8.0  # seconds after which one that never gives up does
REDIRECT = 302
EMPTY = {204, 304}  # statuses of responses without a body


class TooLarge(Exception):
    """The body is larger than it may be."""


class Broken(Exception):
    """The message is not complete, or it is none."""


class _ByHand:
    """One call: a connection for each request, and a parser of what comes back."""

    redirects = REDIRECTS
    largest = LARGEST

    def __init__(self, seconds):
        self.seconds = seconds
        self.begun = time.monotonic()
        self.sock = None
        self.buffer = b""

    def fetch(self, url):
        first = origin(url)
        try:
            for _ in range(self.redirects + 1):
                status, fields, body = self.ask(url, self.key_for(url, first))
                if status != REDIRECT:
                    return self.judge(status, body)
                url = urljoin(url, fields.get(b"location", b"").decode("latin-1"))
            return "lost", None
        except TooLarge:
            return "large", None
        except TimeoutError:
            return "late", None
        except (OSError, ValueError, Broken):
            return "broken", None

    def key_for(self, url, first):
        return {"X-API-Key": KEY} if origin(url) == first else {}

    def judge(self, status, body):
        """What a response of that status and body is."""
        if status != 200:
            return "status", None
        value = value_of(body)
        return ("body", None) if value is None else ("ok", value)

    def ask(self, url, key):
        """One request, and its response: status, fields and body."""
        address, host, target = taken_apart(url)
        fields = {"Host": host, "Accept": "*/*", **key}
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields), "", ""]
        with socket.create_connection(address, timeout=self.left()) as self.sock:
            self.buffer = b""
            self.sock.sendall("\r\n".join(lines).encode())
            version, _, rest = self.line().partition(b" ")
            if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
                raise Broken("no status line")
            status, fields = int(rest[:3]), {}
            while line := self.line():
                name, _, value = line.partition(b":")
                fields[name.strip().lower()] = value.strip()
            if status == REDIRECT or status in EMPTY:
                return status, fields, b""
            return status, fields, self.body(fields)

    def body(self, fields):
        if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
            return self.chunks()
        if b"content-length" in fields:
            return self.measured(int(fields[b"content-length"]))
        return self.to_the_end()

    def measured(self, length):
        """A body that says how long it is."""
        if length > self.largest:
            raise TooLarge
        return self.exactly(length)

    def chunks(self):
        body = b""
        while size := int(self.line().partition(b";")[0], 16):
            if len(body) + size > self.largest:
                raise TooLarge
            body += self.exactly(size)
            self.line()
        while self.line():
            pass  # trailers
        return body

    def to_the_end(self):
        while data := self.read():
            self.buffer += data
            if len(self.buffer) > self.largest:
                raise TooLarge
        return self.buffer

    def exactly(self, n):
        while len(self.buffer) < n:
            self.more()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
            if len(self.buffer) > 2 * LARGEST:
                raise Broken("no end of a line")
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def more(self):
        if not (data := self.read()):
            raise Broken("the end, in the middle of a message")
        self.buffer += data

    def read(self):
        self.sock.settimeout(self.left())
        return self.sock.recv(4096)

    def left(self):
        """Seconds that are left of those that the call has. Raises TimeoutError at their end."""
        left = self.begun + self.seconds - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def origin(url):
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def taken_apart(url):
    """Address, Host and target of a request. Only this machine is asked, whoever redirects."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname != HOST:
        raise Broken("another machine")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return (HOST, parts.port or 80), parts.netloc, target


def value_of(body):
    """The value of a document; None where it is no document, or has none."""
    try:
        document = json.loads(body.decode())
    except ValueError:
        return None
    value = document.get("value") if isinstance(document, dict) else None
    return value if isinstance(value, str) else None


# ---- right clients ----


def by_hand(url, seconds):
    """Parse what comes with partition, over a connection for each request."""
    return _ByHand(seconds).fetch(url)


def by_h11(url, seconds):
    """Have h11 read the messages, in pieces of a few bytes, and keep the connection if it can."""
    client = _ByH11(seconds)
    try:
        return client.fetch(url)
    finally:
        client.close()


class _ByH11(_ByHand):
    def ask(self, url, key):
        address, host, target = taken_apart(url)
        kept = self.sock is not None and self.address == address
        if not kept:
            self.close()
            self.sock, self.address = socket.create_connection(address, self.left()), address
            self.peer = h11.Connection(h11.CLIENT)
        fields = {"host": host, "user-agent": "h11", "connection": "keep-alive", **key}
        request = h11.Request(method="GET", target=target, headers=list(fields.items()))
        self.came = False
        try:
            self.sock.sendall(self.peer.send(request) + self.peer.send(h11.EndOfMessage()))
            return self.response()
        except TimeoutError:
            raise
        except (OSError, h11.RemoteProtocolError) as error:
            if self.came or not kept:
                raise Broken from error
        self.close()  # its server had closed it before this request: RFC 9112, 9.3.1
        return self.ask(url, key)

    def response(self):
        head, body = None, b""
        while not isinstance(event := self.event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > self.largest:
                    raise TooLarge
            elif isinstance(event, h11.ConnectionClosed):
                raise h11.RemoteProtocolError("the end, in the place of a response")
        if self.peer.our_state is h11.DONE and self.peer.their_state is h11.DONE:
            self.peer.start_next_cycle()
        else:
            self.close()
        return head.status_code, dict(head.headers), body

    def event(self):
        while (event := self.peer.next_event()) is h11.NEED_DATA:
            self.sock.settimeout(self.left())
            data = self.sock.recv(100)
            self.came = self.came or bool(data)
            self.peer.receive_data(data)
        return event

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None


def by_streams(url, seconds):
    """Read asyncio's streams, with one timeout around it all."""

    async def call():
        try:
            async with asyncio.timeout(seconds):
                return await follow(url)
        except TimeoutError:
            return "late", None
        except TooLarge:
            return "large", None
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError, Broken):
            return "broken", None

    async def follow(url):
        first = origin(url)
        for _ in range(REDIRECTS + 1):
            fields = f"x-api-key:{KEY}\r\n" if origin(url) == first else ""
            status, location, body = await ask(url, f"Connection: close\r\n{fields}")
            if status != REDIRECT:
                return _ByHand(seconds).judge(status, body)
            url = urljoin(url, location)
        return "lost", None

    async def ask(url, fields):
        address, host, target = taken_apart(url)
        reader, writer = await asyncio.open_connection(*address)
        try:
            writer.write(f"GET {target} HTTP/1.1\r\n{fields}Host: {host}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            version, status, *_ = first.split(" ")
            if not version.startswith("HTTP/1."):
                raise Broken("no HTTP")
            pairs = (line.partition(":") for line in lines)
            fields = {name.lower(): value.strip() for name, _, value in pairs}
            body = b"" if int(status) in EMPTY else await read(reader, fields)
            return int(status), fields.get("location", ""), body
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def read(reader, fields):
        if fields.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
                body += await measured(reader, size, len(body))
                await reader.readexactly(2)
            while await reader.readuntil(b"\r\n") != b"\r\n":
                pass
            return body
        if "content-length" in fields:
            return await measured(reader, int(fields["content-length"]), 0)
        body = b""
        while data := await reader.read(LARGEST):
            body += data
            if len(body) > LARGEST:
                raise TooLarge
        return body

    async def measured(reader, length, before):
        if before + length > LARGEST:
            raise TooLarge
        return await reader.readexactly(length)

    return asyncio.run(call())


# ---- wrong clients ----


def takes_200_for_success(url, seconds):
    """Take 200 for success, whatever the document says."""

    class Wrong(_ByHand):
        def judge(self, status, body):
            kind, value = super().judge(status, body)
            return ("ok" if status == 200 else kind), value

    return Wrong(seconds).fetch(url)


def never_looks_at_the_status(url, seconds):
    """Take what looks like a document for one, whatever the status says."""

    class Wrong(_ByHand):
        def judge(self, status, body):
            value = value_of(body)
            return super().judge(status, body) if value is None else ("ok", value)

    return Wrong(seconds).fetch(url)


def waits_for_each_read(url, seconds):
    """Give each read the seconds that all of them have."""

    class Wrong(_ByHand):
        def left(self):
            if time.monotonic() - self.begun > PATIENCE:
                raise TimeoutError
            return self.seconds

    return Wrong(seconds).fetch(url)


def has_one_error_for_all(url, seconds):
    """Call everything that goes wrong broken."""
    kind, value = _ByHand(seconds).fetch(url)
    return ("ok", value) if kind == "ok" else ("broken", None)


def reads_any_body(url, seconds):
    """Read a body of any size."""

    class Wrong(_ByHand):
        largest = 1000 * LARGEST

    return Wrong(seconds).fetch(url)


def takes_its_key_along(url, seconds):
    """Send the key wherever a redirect leads."""

    class Wrong(_ByHand):
        def key_for(self, url, first):
            return super().key_for(url, origin(url))

    return Wrong(seconds).fetch(url)


def follows_for_ever(url, seconds):
    """Follow as many redirects as come."""

    class Wrong(_ByHand):
        redirects = ENDLESS  # it is stopped there, and says what it would have come to

    kind, value = Wrong(seconds).fetch(url)
    return ("late" if kind == "lost" else kind), value


def reads_to_the_end(url, seconds):
    """Take the end of the connection for the end of the body."""

    class Wrong(_ByHand):
        def measured(self, length):
            if length <= self.largest:
                self.buffer = self.to_the_end()
            return super().measured(length)

    return Wrong(seconds).fetch(url)


def takes_half_a_body(url, seconds):
    """Take what came before the end of the connection for the body."""

    class Wrong(_ByHand):
        def measured(self, length):
            if length > self.largest:
                raise TooLarge
            while len(self.buffer) < length and (data := self.read()):
                self.buffer += data
            return self.buffer[:length]

    return Wrong(seconds).fetch(url)


def decodes_each_chunk(url, seconds):
    """Decode each chunk of a body by itself."""

    class Wrong(_ByHand):
        def chunks(self):
            text = ""
            while size := int(self.line().partition(b";")[0], 16):
                if len(text) + size > self.largest:
                    raise TooLarge
                text += self.exactly(size).decode(errors="replace")
                self.line()
            while self.line():
                pass
            return text.encode()

    return Wrong(seconds).fetch(url)
