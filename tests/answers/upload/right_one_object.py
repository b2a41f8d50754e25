"""Has an object for the file that is being made, which is a context of its own."""

import hashlib
import re
import uuid
from pathlib import Path

import tornado.web

NAMES = re.compile("(?![.])[A-Za-z0-9._-]{1,100}")


class Growing:
    """A file that has no name yet."""

    def __init__(self, folder):
        self.path = folder / f".{uuid.uuid4().hex}"
        self.file = self.path.open("xb")
        self.hash = hashlib.sha256()
        self.size = 0

    def grow(self, piece):
        self.size += len(piece)
        self.hash.update(piece)
        self.file.write(piece)

    def named(self, path):
        """Give it its name; whether there was such a file."""
        self.file.close()
        existed = path.is_file()
        self.path.replace(path)
        return existed

    def gone(self):
        """Remove it, if it has not got its name."""
        self.file.close()
        self.path.unlink(missing_ok=True)


@tornado.web.stream_request_body
class Files(tornado.web.RequestHandler):
    growing = None

    def initialize(self, folder, largest):
        self.folder, self.largest = folder, largest

    def prepare(self):
        if self.request.method != "PUT":
            raise tornado.web.HTTPError(405)
        if not NAMES.fullmatch(self.path_args[0]):
            raise tornado.web.HTTPError(404)
        length = self.request.headers.get("Content-Length")
        if length is not None and int(length) > self.largest:
            raise tornado.web.HTTPError(413)
        self.growing = Growing(self.folder)

    def data_received(self, piece):
        if self.growing.size + len(piece) > self.largest:
            self.send_error(413)
        else:
            self.growing.grow(piece)

    def put(self, name):
        existed = self.growing.named(self.folder / name)
        self.set_status(200 if existed else 201)
        self.finish({"size": self.growing.size, "sha256": self.growing.hash.hexdigest()})

    def on_finish(self):
        if self.growing is not None:
            self.growing.gone()

    def on_connection_close(self):
        super().on_connection_close()
        self.on_finish()


async def serve(host, port, stop, folder, largest):
    needs = {"folder": Path(folder), "largest": largest}
    server = tornado.web.Application([("/files/([^/]+)", Files, needs)]).listen(port, host)
    await stop.wait()
    server.stop()
    await server.close_all_connections()
