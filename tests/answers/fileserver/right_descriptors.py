"""Paths by pathlib, requests by hand, files by sendfile, and threads that look at stop."""

import select
import socket
import socketserver
from pathlib import Path


class Refused(Exception):
    pass


class Handler(socketserver.BaseRequestHandler):
    def find(self, request):
        verb, _, name = request.partition(b" ")
        if verb != b"GET" or b"\0" in name:
            raise Refused("bad request")
        try:
            path = Path(self.server.folder, name.decode()).resolve(strict=True)
        except (UnicodeDecodeError, OSError):
            raise Refused("not found") from None
        if self.server.folder not in path.parents or not path.is_file():
            raise Refused("not here")
        return path

    def handle(self):
        kept = b""
        try:
            while True:
                request, end, rest = kept.partition(b"\n")
                if end:
                    kept = rest
                    self.reply(request)
                    continue
                piece = self.request.recv(4096)
                if not piece or len(kept) > 1000:
                    return
                kept += piece
        except OSError:
            return

    def reply(self, request):
        try:
            path = self.find(request)
        except Refused as refused:
            self.request.sendall(f"ERR {refused}\n".encode())
            return
        with path.open("rb") as file:
            self.request.sendall(b"OK %d\n" % path.stat().st_size)
            self.request.sendfile(file)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 100

    def __init__(self, address, folder):
        self.folder = Path(folder).resolve()
        self.open = set()
        super().__init__(address, Handler)

    def get_request(self):
        request, address = super().get_request()
        self.open.add(request)
        return request, address

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)


def serve(host, port, stop, folder):
    with Server((host, port), folder) as server:
        while not stop.is_set():
            if any(select.select([server], [], [], 0.1)):
                server.handle_request()
        for request in list(server.open):
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
