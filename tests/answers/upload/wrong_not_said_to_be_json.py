"""Sends JSON as HTML.

refused by: a body becomes a file
misconception:
"""

import hashlib
import json
import os
import re
from tempfile import mkstemp

from tornado.web import Application, HTTPError, RequestHandler, stream_request_body

NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}")


class Tally:
    """How much has come, and its hash."""

    def __init__(self, largest):
        self.largest = largest
        self.size = 0
        self.hash = hashlib.sha256()

    def add(self, piece):
        self.size += len(piece)
        self.hash.update(piece)
        return self.size <= self.largest

    def sha256(self):
        return self.hash.hexdigest()


@stream_request_body
class Upload(RequestHandler):
    def initialize(self, folder, largest):
        self.folder, self.largest = folder, largest
        self.file = None

    def prepare(self):
        [name] = self.path_args
        if not NAME.fullmatch(name):
            raise HTTPError(400)
        if int(self.request.headers.get("Content-Length", 0)) > self.largest:
            raise HTTPError(413)
        self.tally = Tally(self.largest)
        number, self.part = mkstemp(prefix=".", dir=self.folder)
        self.file = os.fdopen(number, "wb")

    def data_received(self, piece):
        if self.tally.add(piece):
            self.file.write(piece)
        else:
            self.set_status(413)
            self.finish()

    def put(self, name):
        self.file.close()
        path = os.path.join(self.folder, name)
        self.set_status(200 if os.path.exists(path) else 201)
        os.replace(self.part, path)
        self.file = None
        self.write(json.dumps({"size": self.tally.size, "sha256": self.tally.sha256()}))

    def on_connection_close(self):
        super().on_connection_close()
        self.discard()

    def on_finish(self):
        self.discard()

    def discard(self):
        """Remove what has no name yet."""
        if self.file is not None:
            self.file.close()
            os.unlink(self.part)
            self.file = None


async def serve(host, port, stop, folder, largest):
    routes = [("/files/([^/]+)", Upload, {"folder": folder, "largest": largest})]
    server = Application(routes).listen(port, host)
    await stop.wait()
    server.stop()
    await server.close_all_connections()
