"""Takes any other word than close in Connection for a fault.

refused by: catches one read taken for the request, catches the loss of what lies behind,
  catches field names with a case, catches a body behind HEAD, catches a body with 204, catches
  a length in characters, catches chunks without an end, catches a close without a word
misconception:
"""

import socket

PATIENCE = 2.0  # seconds for what has to come


class Fault(Exception):
    """What is wrong with the server."""


def request(method, target, body=b"", name=b"Content-Length"):
    length = b"%s: %d\r\n" % (name, len(body)) if body else b""
    return b"%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n%s" % (method, target, length, body)


TEXT = "grün €".encode()
GET = request(b"GET", b"/ada"), b"GET", 200, b"/ada\n"
HEAD = request(b"HEAD", b"/ada"), b"HEAD", 200, b""
POST = request(b"POST", b"/", TEXT), b"POST", 200, TEXT
SMALL = request(b"POST", b"/", b"hello", b"content-length"), b"POST", 200, b"hello"
DELETE = request(b"DELETE", b"/ada"), b"DELETE", 204, b""
SCRIPT = [GET, SMALL, HEAD, GET, DELETE, GET, POST, GET]


class Client:
    def __init__(self, address):
        self.sock = socket.create_connection(address, timeout=PATIENCE)
        self.stream = self.sock.makefile("rb")

    def close(self):
        self.stream.close()
        self.sock.close()

    def line(self):
        line = self.stream.readline(1000)
        if not line.endswith(b"\r\n"):
            raise Fault(f"{line!r} in the place of a line")
        return line[:-2]

    def response(self, method):
        """Read one response: its status, its body, and whether the connection ends behind it."""
        version, _, rest = self.line().partition(b" ")
        if version != b"HTTP/1.1" or not rest[:3].isdigit():
            raise Fault(f"{version!r} in the place of a status line")
        status, fields = int(rest[:3]), {}
        while line := self.line():
            name, _, value = line.partition(b":")
            fields[name.lower()] = value.strip().lower()
        if fields.get(b"connection", b"close") != b"close":
            raise Fault("Connection says something else than close")
        body = b""
        if method != b"HEAD" and status != 204:
            chunked = fields.get(b"transfer-encoding") == b"chunked"
            body = self.chunks() if chunked else self.exactly(int(fields[b"content-length"]))
        return status, body, fields.get(b"connection") == b"close"

    def exactly(self, n):
        data = self.stream.read(n)
        if len(data) < n:
            raise Fault(f"a body of {len(data)} bytes in the place of {n}")
        return data

    def chunks(self):
        body = b""
        while size := int(self.line().partition(b";")[0], 16):
            body += self.exactly(size)
            if self.line():
                raise Fault("a chunk is longer than it says")
        if self.line():
            raise Fault("no empty line behind the last chunk")
        return body


def exchange(address, script):
    """Do what the script says, as far as one connection goes; how many responses came."""
    client = Client(address)
    try:
        half = 0  # bytes of the next request that were sent with the one before
        for at, (data, method, status, wanted) in enumerate(script):
            following = script[at + 1][0] if at + 1 < len(script) else b""
            now, half = data[half:], len(following) // 2
            client.sock.sendall(now + following[:half])
            got, body, closes = client.response(method)
            if (got, body) != (status, wanted):
                raise Fault(f"{method}: {got} with {body!r}, not {status} with {wanted!r}")
            if closes:
                break
        else:
            client.sock.shutdown(socket.SHUT_WR)
        if rest := client.stream.read():
            raise Fault(f"{rest[:50]!r} behind the last response")
        return at + 1
    finally:
        client.close()


def find_fault(host, port):
    done = 0
    try:
        while done < len(SCRIPT):
            done += exchange((host, port), SCRIPT[done:])
    except (Fault, OSError, ValueError, KeyError) as fault:
        return f"behind {done} responses: {fault!r}"
    return None
