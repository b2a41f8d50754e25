"""Run a function over a listening socket in a thread of its own.

The socket is bound, and listens, before the thread starts. So the server is ready at once: a
client that connects before the function calls accept waits in the backlog. No connection is
made to find out, because the function would see it as a client.

Stopping wakes every call that waits for one of the server's sockets (see `sockets`), then joins
the function's thread and all threads that it started. A thread cannot be ended from outside in
Python, so one that waits for something else is named, with the line at which it stands.
"""

from __future__ import annotations

import socket
import threading
import traceback
from collections.abc import Callable
from typing import Any, ClassVar

from labsupport.clock import Deadline

from .errors import Survivor
from .owners import give
from .places import place_of_thread
from .server import Server
from .sockets import DatagramSocket, Listener

__all__ = ["FunctionServer", "join_threads"]

_LOOK_AGAIN = 0.05  # seconds between searches for sockets that changed hands


class FunctionServer(Server):
    """A function f(listener, *args) in its own thread.

    The server has ended when the function has returned and none of its threads is left.
    """

    kind: ClassVar[str] = "function"
    _described: ClassVar[str] = "a function in its own thread"

    def __init__(
        self,
        name: str,
        function: Callable[..., object],
        args: tuple[Any, ...],
        opened: socket.socket,
    ) -> None:
        listens = opened.type == socket.SOCK_STREAM
        self._listener = Listener(opened) if listens else DatagramSocket(opened)
        super().__init__(name, self._listener.getsockname()[:2])
        self._function = function
        self._args = args

    def _start(self, deadline: Deadline) -> None:
        thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        give(thread, self._owner)
        thread.start()

    @property
    def running(self) -> bool:
        """Whether the function, or a thread that it started, has not ended."""
        return bool(self.owned_threads)

    def _run(self) -> None:
        try:
            self._function(self._listener, *self._args)
        except SystemExit:
            pass  # ends a thread without a report, as everywhere in Python
        except BaseException as failure:
            # An error of a socket that was shut down under the function is the stop itself.
            if not (self._owner.stopping and isinstance(failure, OSError)):
                self._fail(failure)
            # The frames would keep the function's sockets and pools alive on this handle.
            traceback.clear_frames(failure.__traceback__)
        finally:
            if self.owned_threads == (threading.current_thread(),):
                self._listener.close()

    def _shut(self, deadline: Deadline) -> list[Survivor]:
        if self.running:
            self._listener.stop_waiting()
        survivors = join_threads(self._owner.threads, deadline, meanwhile=self._search)
        if not survivors and isinstance(self._listener, Listener):
            self._listener.close_connections()
        self._listener.close()
        return survivors

    def _search(self) -> float:
        """Shut down sockets that changed hands; return the seconds after which to look again."""
        if not self._listener.moved:
            return threading.TIMEOUT_MAX
        self._listener.stop_moved()
        return _LOOK_AGAIN


def join_threads(
    threads: Callable[[], tuple[threading.Thread, ...]],
    deadline: Deadline,
    *,
    meanwhile: Callable[[], float] = lambda: threading.TIMEOUT_MAX,
) -> list[Survivor]:
    """Wait until threads() returns nothing but the calling thread; return what is left.

    meanwhile: called before each wait; returns the seconds that the wait may last at most.
    """
    while True:
        left = [thread for thread in threads() if thread is not threading.current_thread()]
        if not left or deadline.expired:
            return [Survivor("thread", thread.name, place_of_thread(thread)) for thread in left]
        left[0].join(min(meanwhile(), deadline.left()))
