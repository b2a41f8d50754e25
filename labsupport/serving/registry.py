"""The servers of this process by name: one name, one server.

A cell that is run again calls serve() again with the same name, so the former server of that
name is stopped first. At the end of the process all servers are stopped.
"""

from __future__ import annotations

import atexit
import sys
import threading
import warnings
from typing import TYPE_CHECKING

from labsupport.clock import Deadline

from .errors import StillRunning

if TYPE_CHECKING:
    from .server import Server

__all__ = ["forget", "register", "replace", "running", "stop_all"]

_servers: dict[str, Server] = {}
_lock = threading.RLock()


def replace(name: str) -> None:
    """Stop the server that has this name, if there is one, to make room for another.

    What of it would not stop is a RuntimeWarning, not an error: the new server has a port and an
    output of its own, and a learner who repairs a server must be able to run the cell again.
    """
    with _lock:
        old = _servers.get(name)
    if old is None:
        return
    try:
        old.stop()
    except StillRunning as left:
        warnings.warn(f"the former {left}", RuntimeWarning, stacklevel=4)


def register(server: Server) -> None:
    """Remember server under its name."""
    with _lock:
        _servers[server.name] = server


def forget(server: Server) -> None:
    """Forget server; a newer one of the same name stays."""
    with _lock:
        if _servers.get(server.name) is server:
            del _servers[server.name]


def running() -> tuple[Server, ...]:
    """Return the servers that run, in the order in which they were started."""
    with _lock:
        return tuple(server for server in _servers.values() if server.running)


def stop_all(deadline: float = 5.0) -> None:
    """Stop every server.

    deadline: seconds for all of them together; each has an equal part of what is left. All are
    tried; then the first StillRunning is raised, with the others as notes.
    """
    end = Deadline(deadline)
    with _lock:
        servers = list(_servers.values())
    refusals = []
    for waiting, server in enumerate(servers):
        try:
            server.stop(end.left() / (len(servers) - waiting))
        except StillRunning as left:
            refusals.append(left)
    if refusals:
        for other in refusals[1:]:
            refusals[0].add_note(str(other))
        raise refusals[0]


@atexit.register
def _stop_at_exit() -> None:
    """Stop what is left; there is no caller any more who could handle an error."""
    try:
        stop_all(deadline=2.0)
    except StillRunning as left:
        print(left, file=sys.__stderr__)
