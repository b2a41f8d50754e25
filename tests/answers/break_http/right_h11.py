"""h11 reads the responses, one at a time; what it leaves belongs to the next one."""

import contextlib
import socket

import h11

NAMES = ("Content-Length", "CONTENT-LENGTH", "content-length")


def asked(method, body="", name="Content-Length"):
    lines = [f"{method} /a/b HTTP/1.1", "host:example"]
    if body:
        lines.insert(1, f"{name}:{len(body.encode())}")
    return method, "\r\n".join([*lines, "", body]).encode(), body.encode()


def conversations():
    for name in NAMES:
        yield [asked("GET"), asked("POST", "na\u00efve \u65e5\u672c", name), asked("GET")]
    for method in ("HEAD", "DELETE"):
        yield [asked("GET"), asked(method), asked("GET")]
        yield [asked(method)]


def read(sock, method, left):
    """The status and body of a response, the bytes behind it, and whether it says close."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/a/b", headers=[("Host", "example")]))
    client.send(h11.EndOfMessage())
    if left:
        client.receive_data(left)
    head, body = None, b""
    while True:
        event = client.next_event()
        if event is h11.NEED_DATA:
            client.receive_data(sock.recv(4096))
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            says = (b"connection", b"close") in [(n, v.lower()) for n, v in head.headers]
            return head.status_code, body, client.trailing_data[0], says
        else:
            raise ValueError(f"{event} in the place of a response")


def wanted(method, body):
    bodies = {"GET": b"/a/b\n", "HEAD": b"", "POST": body, "DELETE": b""}
    return 204 if method == "DELETE" else 200, bodies[method]


def hold(address, script, cut):
    """Hold a conversation, and begin anew with what is left where the server closes."""
    with contextlib.ExitStack() as stack:
        sock, sent, left = None, 0, b""
        everything = b"".join(data for _, data, _ in script)
        ends = [sum(len(data) for _, data, _ in script[: at + 1]) for at in range(len(script))]
        for end, (method, data, body) in zip(ends, script, strict=True):
            if sock is None:
                sock = stack.enter_context(socket.create_connection(address, timeout=2))
                sent, left = end - len(data), b""
            until = min(len(everything), end + cut)
            sock.sendall(everything[sent:until])
            sent = until
            *got, left, close = read(sock, method, left)
            if tuple(got) != wanted(method, body):
                return f"{method} is answered by {got}"
            if close:
                if left or sock.recv(1):
                    return "more comes behind the last response"
                sock = None
        if sock is not None:
            sock.shutdown(socket.SHUT_WR)
            if left or sock.recv(1):
                return "more comes behind the last response"
    return None


def find_fault(host, port):
    for script in conversations():
        for cut in (7, 30, 1000):
            try:
                fault = hold((host, port), script, cut)
            except (h11.RemoteProtocolError, OSError, ValueError) as error:
                fault = f"{[method for method, _, _ in script]}: {error!r}"
            if fault:
                return fault
    return None
