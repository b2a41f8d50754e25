"""The handle of a server: what every kind has in common.

A kind says how it starts, whether it runs, and how it is shut: `_shut` does what it can before
its deadline and returns what is left. Everything else is here, once: names, output, failure,
stopping twice, use in a `with` statement, and how a handle shows itself.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from html import escape
from types import TracebackType
from typing import ClassVar, Self

from labsupport.clock import Deadline

from . import registry
from .errors import StillRunning, Survivor
from .owners import Owner
from .places import failure_text

__all__ = ["Server", "begin"]


class Server(ABC):
    """A server behind the notebook, ready when serve() returns it.

    Resource handling: a context manager; leaving the block stops the server. All servers are
    stopped when the process ends, and the server of a name when serve() uses that name again.
    """

    kind: ClassVar[str]
    _described: ClassVar[str]

    def __init__(self, name: str, address: tuple[str, int]) -> None:
        self._owner = Owner(name)
        self._address = address
        self._failure: BaseException | None = None

    @property
    def name(self) -> str:
        """The name under which a later serve() replaces this server."""
        return self._owner.name

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, as socket.create_connection takes them."""
        return self._address

    @property
    def host(self) -> str:
        """The address that the server listens on, as text."""
        return self._address[0]

    @property
    def port(self) -> int:
        """The port that the kernel chose."""
        return self._address[1]

    @property
    def output(self) -> str:
        """What the server printed, logged and raised so far: the newest 65,536 characters."""
        return self._owner.output.text

    def wait_for_output(self, text: str, deadline: float = 2.0) -> str:
        """Wait until text is in the output, and return the output.

        A server prints in its own time: a client that has its answer may be faster.
        deadline: seconds. Raises TimeoutError that shows the output so far.
        """
        return self._owner.output.wait_for(text, deadline)

    @property
    def failure(self) -> BaseException | None:
        """The exception that ended the server; None while it runs and when it ended well."""
        return self._failure

    @property
    def owned_threads(self) -> tuple[threading.Thread, ...]:
        """The threads of this server that have not ended, with those that they started."""
        return self._owner.threads()

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether any part of the server still works."""

    @abstractmethod
    def _start(self, deadline: Deadline) -> None:
        """Start the server and return when it is ready. Raises CannotStart."""

    @abstractmethod
    def _shut(self, deadline: Deadline) -> list[Survivor]:
        """Shut everything down before deadline and return what would not stop.

        Called again after a refusal, and after success; must then return at once.
        """

    def stop(self, deadline: float = 2.0) -> None:
        """Stop the server: listener, connections, then threads, tasks or processes.

        deadline: seconds for all of it. A server that has stopped may be stopped again.
        Raises StillRunning that names what would not stop, and where it is.
        """
        self._owner.stopping = True
        survivors = self._shut(Deadline(deadline))
        if survivors:
            raise StillRunning(self.name, deadline, survivors)
        registry.forget(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.stop()
        except StillRunning as left:
            if error is None:
                raise
            error.add_note(str(left))  # the error of the block is the one to look at

    def _fail(self, failure: BaseException) -> None:
        """Keep failure as what ended the server, and write its traceback to the output."""
        self._failure = failure
        self._owner.output.write(failure_text(failure))

    @property
    def _state(self) -> str:
        if self._failure is not None:
            told = str(self._failure).partition("\n")[0]
            return f"failed with {type(self._failure).__name__}: {told}"
        if self.running:
            return "did not stop" if self._owner.stopping else "running"
        return "stopped" if self._owner.stopping else "ended"

    @property
    def _spot(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"<Server {self.name!r}: {self._described} on {self._spot}, {self._state}>"

    def _repr_html_(self) -> str:
        line = (
            f"<div>Server <strong>{escape(self.name)}</strong>: {escape(self._described)} on "
            f"<code>{escape(self._spot)}</code>, {escape(self._state)}</div>"
        )
        if self._failure is None:
            return line
        return f"{line}<pre>{escape(failure_text(self._failure))}</pre>"


def begin(server: Server, deadline: float) -> Server:
    """Start server in place of the former one of its name: ready on return, or nothing is left.

    deadline: seconds. Raises CannotStart.
    """
    registry.replace(server.name)
    try:
        server._start(Deadline(deadline))
    except BaseException:  # also the interrupt of a cell that waits here
        server._shut(Deadline(1.0))
        raise
    registry.register(server)
    return server
