"""One http.server, whose paths are what it does."""

import http.server
import json
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        name, _, number = self.path.strip("/").partition("-")
        try:
            getattr(self, name)(number)
        except OSError:
            self.close_connection = True  # the client has left

    def log_message(self, *args):
        pass

    def answer(self, document, status=200, more=0, **fields):
        body = json.dumps(document).encode() if document is not None else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) + more))
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def good(self, _):
        self.answer({"value": "good"})

    def error(self, _):
        self.answer({"error": "bad"})

    def missing(self, _):
        self.answer({"value": "not found"}, 404)

    def huge(self, _):
        self.answer({"value": "long" * 10_000})

    def half(self, _):
        self.answer({"value": "half"}, more=7)
        self.close_connection = True

    def round(self, number):
        number = int(number or 0)
        if number < 8:
            self.answer(None, 302, Location=f"round-{number + 1}")
        else:
            self.good("")

    def away(self, port):
        self.answer(None, 302, Location=f"http://127.0.0.1:{port}/good")

    def slow(self, _):
        self.send_response(200)
        self.send_header("Content-Length", "17")
        self.end_headers()
        for byte in b'{"value": "late"}':
            self.wfile.write(bytes([byte]))
            time.sleep(0.08)

    def cut(self, _):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        body = '{"value": "€uro"}'.encode()
        for start in range(0, len(body), 2):
            piece = body[start : start + 2]
            self.wfile.write(b"%d\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")


class Server(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen = []
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()

    def handle_error(self, request, address):
        pass

    def __exit__(self, *error):
        self.shutdown()
        self.server_close()


EXPECTED = {
    "good": ("ok", "good"),
    "error": ("body", None),
    "missing": ("status", None),
    "huge": ("large", None),
    "half": ("broken", None),
    "round": ("lost", None),
    "cut": ("ok", "€uro"),
    "slow": ("late", None),
}


def find_fault(fetch):
    with Server() as here, Server() as there:
        base = f"http://127.0.0.1:{here.server_port}/"
        for name, wanted in EXPECTED.items():
            got = fetch(base + name, 0.6 if name == "slow" else 5)
            if got != wanted:
                return f"{name}: {got}"
        if fetch(f"{base}away-{there.server_port}", 5) != ("ok", "good"):
            return "it did not follow"
        for _, fields in there.seen:
            if "x-api-key" in {field.lower() for field in fields}:
                return "it told its key"
    return None
