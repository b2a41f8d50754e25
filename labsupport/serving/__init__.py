"""Servers behind a notebook: started in one line, watched, and always stopped.

    server = serve(echo)            # a function over a listening socket, in a thread
    server = serve(handle)          # an async stream handler, on a loop of its own
    server = serve(application)     # a Tornado application, on a loop of its own
    server = serve(["python", "-m", "http.server", "{port}"])   # a command, in processes

How the package is divided: `start` chooses the kind; `threads`, `loops`, `applications` and
`commands` are the kinds, on top of `server`, which is what all handles have in common. `sockets`
has listeners that can be woken, `process` and `guard` processes that cannot outlive this one.
`owners` knows whose thread a thread is, `routing` sends prints to `output` accordingly, `places`
says where a thread or task stands. `registry` holds one server per name.
"""

from __future__ import annotations

from .errors import CannotStart, CommandFailed, StillRunning, Survivor
from .registry import running, stop_all
from .routing import route
from .server import Server
from .start import serve

__all__ = [
    "CannotStart",
    "CommandFailed",
    "Server",
    "StillRunning",
    "Survivor",
    "route",
    "running",
    "serve",
    "stop_all",
]
