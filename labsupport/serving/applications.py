"""Run a Tornado application on a loop of its own (see `loops`).

Imported only when an application is served, so that labsupport does not import Tornado.
"""

from __future__ import annotations

import socket
import ssl
import weakref
from typing import Any, ClassVar

from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.web import Application

from .loops import LoopServer
from .routing import route

__all__ = ["TornadoServer"]


class _WatchedServer(HTTPServer):
    """An HTTP server that knows its streams: also those of WebSockets, which leave HTTP."""

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        self.streams: weakref.WeakSet[IOStream] = weakref.WeakSet()
        super().initialize(*args, **kwargs)

    def handle_stream(self, stream: IOStream, address: tuple[Any, ...]) -> None:
        route()
        self.streams.add(stream)
        super().handle_stream(stream, address)


class TornadoServer(LoopServer):
    """A tornado.web.Application on its own loop, in its own thread."""

    kind: ClassVar[str] = "tornado"
    _described: ClassVar[str] = "a Tornado application on its own loop"

    def __init__(
        self,
        name: str,
        application: Application,
        opened: socket.socket,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._application = application
        self._tls = tls
        super().__init__(name, opened)

    async def _open(self, opened: socket.socket) -> None:
        opened.setblocking(False)
        self._server = _WatchedServer(self._application, ssl_options=self._tls)
        self._server.add_sockets([opened])

    def _close(self) -> None:
        self._server.stop()

    def _abort(self) -> None:
        for stream in list(self._server.streams):
            stream.close()
