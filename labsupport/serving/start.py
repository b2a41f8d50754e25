"""Tell what kind of server a target is, and start it.

The kinds are imported when they are first used: asyncio, psutil and Tornado take a tenth of a
second together, which a process that only imports labsupport should not pay.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .routing import route
from .server import Server, begin
from .sockets import Transport, open_datagram, open_listener
from .threads import FunctionServer

if TYPE_CHECKING:
    from ssl import SSLContext

__all__ = ["serve"]


def serve(
    target: Callable[..., object] | Sequence[str],
    *args: Any,
    name: str | None = None,
    host: str = "127.0.0.1",
    transport: Transport = "tcp",
    backlog: int = 128,
    tls: SSLContext | None = None,
    deadline: float = 5.0,
) -> Server:
    """Start a server behind the notebook and return its handle; it is ready on return.

    target: what serves, one of
      - a function f(listener, *args): runs in its own thread with a listening socket, or with a
        bound UDP socket when transport is "udp". Its accept and recvfrom raise OSError when the
        server is stopped;
      - a coroutine function h(reader, writer, *args): an asyncio stream handler, called for each
        connection, on its own event loop in its own thread;
      - a tornado.web.Application: likewise on its own event loop;
      - a list of words, a command line: runs in its own process. "{port}" in a word becomes the
        port to listen on; on POSIX "{fd}" becomes the number of an inherited listening socket.
        "python" as the first word is the Python of this notebook.
    name: a server of the same name is stopped first, so a cell may be run again. Without it: the
      name of the function or of the program, or "tornado".
    host: a loopback address, "127.0.0.1" or "::1". The kernel chooses the port.
    backlog: how many connections may wait for accept.
    tls: a Tornado application is served over TLS with this context, which has its certificate.
    deadline: seconds until the server must be ready.

    The readiness of a server is not tested by connecting, since the server would see the test as
    a client: in this process the socket listens before the target runs; of a command the
    operating system tells which ports it has opened.

    What the server prints, logs and raises goes to `.output` of the handle, never into a cell.
    A server lives until it is stopped, replaced, or the process ends. An interrupt of a cell
    does not touch it.

    Raises CannotStart when the server does not get ready, with what it wrote; TypeError or
    ValueError for arguments that fit no kind. Source: https://docs.python.org/3/library/socket.html
    """
    if isinstance(target, str):
        raise TypeError(f"a command is a list of words: use {target.split()!r}, not {target!r}.")
    if transport not in ("tcp", "udp"):
        raise ValueError(f'transport is "tcp" or "udp", not {transport!r}.')
    route()
    # Built first: a call with bad arguments leaves the former server of that name alone.
    server = _build(target, args, name or _name_of(target), host, transport, backlog, tls)
    return begin(server, deadline)


def _build(
    target: Callable[..., object] | Sequence[str],
    args: tuple[Any, ...],
    name: str,
    host: str,
    transport: Transport,
    backlog: int,
    tls: SSLContext | None,
) -> Server:
    if _is_application(target):
        from .applications import TornadoServer

        _refuse(args, "a Tornado application")
        _refuse_udp(transport, "a Tornado application")
        return TornadoServer(name, target, open_listener(host, backlog), tls)  # type: ignore[arg-type]
    if tls is not None:
        raise ValueError("tls is for a Tornado application; another target makes its own TLS.")
    if not callable(target):
        _check_words(target)
        from .commands import CommandServer

        _refuse(args, "a command")
        return CommandServer(name, target, host, transport, backlog)
    if inspect.iscoroutinefunction(target):
        from .loops import StreamServer

        _refuse_udp(transport, "an asyncio stream handler")
        _check_call(target, "reader", "writer", *args)
        return StreamServer(name, target, args, open_listener(host, backlog), backlog)
    _check_call(target, "listener", *args)
    udp = transport == "udp"
    opened = open_datagram(host) if udp else open_listener(host, backlog)
    return FunctionServer(name, target, args, opened)


def _is_application(target: object) -> bool:
    # Whoever has an application has imported Tornado.
    web = sys.modules.get("tornado.web")
    return web is not None and isinstance(target, web.Application)


def _name_of(target: Callable[..., object] | Sequence[str]) -> str:
    if _is_application(target):
        return "tornado"
    if not callable(target):
        _check_words(target)
        return Path(target[0]).name.removesuffix(".exe")
    name: str = getattr(target, "__name__", type(target).__name__)
    return name


def _check_words(target: Sequence[str]) -> None:
    if (
        not isinstance(target, list | tuple)
        or not target
        or not all(isinstance(word, str) for word in target)
    ):
        raise TypeError(
            f"cannot serve {target!r}. Give a function over a listening socket, an async function "
            "over reader and writer, a Tornado application, or a list of words (a command)."
        )


def _check_call(target: Callable[..., object], *args: Any) -> None:
    """Refuse a function that cannot be called with args: here, and not in its own thread."""
    try:
        signature = inspect.signature(target)
    except ValueError:
        return  # written in C without a signature
    try:
        signature.bind(*args)
    except TypeError as error:
        given = ", ".join(str(arg) for arg in args)
        raise TypeError(
            f"{_name_of(target)}{signature} cannot be called with ({given}): {error}."
        ) from error


def _refuse(args: tuple[Any, ...], what: str) -> None:
    if args:
        raise TypeError(f"{what} takes no arguments here; got {args!r}.")


def _refuse_udp(transport: Transport, what: str) -> None:
    if transport == "udp":
        raise ValueError(f'{what} works on TCP. For transport="udp" give a function or a command.')
