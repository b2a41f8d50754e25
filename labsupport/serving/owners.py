"""Whose thread is this: every thread belongs to the server whose thread started it.

A server marks its own thread. From then on ownership is inherited: a thread that is started by
an owned thread has the same owner. That covers a thread per connection, timers, and the workers
of executors and of asyncio.to_thread, which are started by the thread that first needs them.

Nothing in Python announces who started a thread, so `Thread.start` is wrapped. It is the one
public method that runs in the parent, before the child; the wrapper reads the parent's mark,
copies it to the child and calls the original. For threads without an owner it does nothing.
Threads that are started below `threading` (the `_thread` module, C code) stay without an owner.
"""

from __future__ import annotations

import threading

from .output import Output

__all__ = ["Owner", "give", "owner_of_this_thread", "watch_threads"]

_MARK = "_labsupport_owner"
_original_start = threading.Thread.start
_watching = threading.Event()


class Owner:
    """What the threads of one server have in common.

    name: the server's name. output: where their prints and tracebacks go.
    stopping: set when the server was asked to stop; errors of sockets are then no failures.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.output = Output()
        self.stopping = False

    def threads(self) -> tuple[threading.Thread, ...]:
        """Return the threads of this owner that have not ended."""
        return tuple(thread for thread in threading.enumerate() if _owner_of(thread) is self)


def give(thread: threading.Thread, owner: Owner) -> None:
    """Make owner the owner of thread and of all that it will start."""
    setattr(thread, _MARK, owner)


def _owner_of(thread: threading.Thread) -> Owner | None:
    owner: Owner | None = getattr(thread, _MARK, None)
    return owner


def owner_of_this_thread() -> Owner | None:
    """Return the owner of the calling thread, or None when it belongs to no server."""
    return _owner_of(threading.current_thread())


def _start(self: threading.Thread) -> None:
    owner = owner_of_this_thread()
    # A server that starts another one has given its thread away already.
    if owner is not None and _owner_of(self) is None:
        give(self, owner)
    _original_start(self)


def watch_threads() -> None:
    """Make ownership inherited from now on; the second call does nothing.

    Never undone: a thread that would not stop may still start others. Never done again: whoever
    has wrapped Thread.start since then calls this wrapper, and must not be called by it.
    """
    global _original_start
    if not _watching.is_set():
        _watching.set()
        _original_start = threading.Thread.start
        threading.Thread.start = _start  # type: ignore[method-assign]
