"""Run a command line as a server (see `process` for how it is kept from outliving the notebook).

The port comes to the command in one of two ways:

- "{port}" in an argument becomes the number of a port that was free a moment before. Another
  program may take it first; then the command is tried again with another port. The server is
  ready when the operating system lists the port as opened by one of the command's processes. No
  connection is made to find out, so the command sees no client but the learner's.
- "{fd}" becomes the number of a descriptor that the command inherits: a socket that listens
  already (for UDP: is bound). Nothing can take the port, and the server counts as ready at once:
  clients wait in the backlog until the command accepts. POSIX only.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import ClassVar

import psutil

from labsupport.clock import Deadline, poll

from .errors import CannotStart, CommandFailed, Survivor
from .output import Output
from .process import GuardedProcess
from .server import Server
from .sockets import Transport, free_port, loopback_family, open_datagram, open_listener

__all__ = ["CommandServer"]

_TRIES = 3  # with "{port}", when another program took the port first
_TAKEN = ("address already in use", "eaddrinuse", "errno 98", "errno 48", "10048")


class CommandServer(Server):
    """A command line in its own processes.

    "python" as the first word is the Python that runs this notebook. The command's standard
    input is empty. A command that ends by itself with a status other than 0 has failed.
    """

    kind: ClassVar[str] = "process"
    _described: ClassVar[str] = "a command in its own process"

    def __init__(
        self, name: str, command: Sequence[str], host: str, transport: Transport, backlog: int
    ) -> None:
        super().__init__(name, ("127.0.0.1" if host == "localhost" else host, 0))
        loopback_family(host)  # refused here, while the former server of that name still runs
        self._inherits = _wants_descriptor(command)
        self._words = [_find_program(command[0]), *command[1:]]
        self._transport: Transport = transport
        self._backlog = backlog
        self._process: GuardedProcess | None = None
        self._end = "has not ended"

    @property
    def pid(self) -> int:
        """The number of the command's process. Raises RuntimeError before there is one."""
        if self._process is None:
            raise RuntimeError(f"server {self.name!r} has no process yet.")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the command's process has not ended."""
        return self._process is not None and not self._process.ended.is_set()

    def _start(self, deadline: Deadline) -> None:
        if self._inherits:
            self._start_with_descriptor()
            return
        for tries_left in reversed(range(_TRIES)):
            port = free_port(self.host, self._transport)
            self._launch(port, "{port}", port)
            try:
                self._wait_until_open(deadline)
                return
            except CannotStart:
                taken = any(sign in self.output.lower() for sign in _TAKEN)
                if not taken or not tries_left:
                    raise
            self._owner.output = Output()

    def _start_with_descriptor(self) -> None:
        udp = self._transport == "udp"
        with open_datagram(self.host) if udp else open_listener(self.host, self._backlog) as opened:
            self._launch(opened.getsockname()[1], "{fd}", opened.fileno())
        # Closed here and kept open by the command: when it ends, clients are refused.

    def _launch(self, port: int, placeholder: str, number: int) -> None:
        self._address = (self.host, port)
        try:
            self._process = GuardedProcess(
                [word.replace(placeholder, str(number)) for word in self._words],
                output=self._owner.output,
                ended=self._note_end,
                descriptors=(number,) if placeholder == "{fd}" else (),
            )
        except OSError as error:
            raise CannotStart(
                f"cannot execute {self._words[0]}: {error.strerror or error}."
            ) from error

    def _wait_until_open(self, deadline: Deadline) -> None:
        process = self._process
        assert process is not None
        try:
            poll(
                lambda: process.ended.is_set() or self._has_opened(process.pid),
                deadline=deadline,
                said=f"has not opened port {self.port} within {deadline.seconds:g} s",
            )
        except TimeoutError as error:
            raise self._cannot_start(
                f"{error}. It must listen on the port that it is given"
            ) from error
        if process.ended.is_set():
            raise self._cannot_start(f"never opened its port: it {self._end}")

    def _cannot_start(self, said: str) -> CannotStart:
        written = self.output or "(nothing)"
        return CannotStart(f"the command of server {self.name!r} {said}. It wrote:\n{written}")

    def _has_opened(self, pid: int) -> bool:
        try:
            return any(
                connection.laddr
                and connection.laddr.port == self.port
                and (self._transport == "udp" or connection.status == psutil.CONN_LISTEN)
                for process in _family(psutil.Process(pid))
                for connection in process.net_connections(kind=self._transport)
            )
        except psutil.NoSuchProcess:
            return False  # one of them ended between two questions
        except psutil.AccessDenied as error:
            raise CannotStart(
                f"this machine does not show which ports the command has opened: {error}. "
                'Use "{fd}" in place of "{port}", and let the command use that descriptor.'
            ) from error

    def _note_end(self, status: int) -> None:
        if status < 0:
            self._end = f"was ended by {signal.Signals(-status).name}"
        else:
            self._end = f"ended by itself with exit status {status}"
        if status != 0 and not self._owner.stopping:
            self._failure = CommandFailed(f"the command {self._end}")

    def _shut(self, deadline: Deadline) -> list[Survivor]:
        return [] if self._process is None else self._process.end(deadline)


def _family(process: psutil.Process) -> Iterator[psutil.Process]:
    """Yield process, then its descendants, which cost more to find."""
    yield process
    yield from process.children(recursive=True)


def _wants_descriptor(command: Sequence[str]) -> bool:
    """Return whether command has "{fd}". Raises ValueError when it has no place for its port."""
    if any("{fd}" in word for word in command):
        if os.name != "posix":
            raise ValueError('"{fd}" needs POSIX. On Windows use "{port}".')
        return True
    if any("{port}" in word for word in command):
        return False
    raise ValueError(
        f"the command {list(command)!r} does not say where its port goes. Put "
        '"{port}" there, for example ["python", "-m", "http.server", "{port}"].'
    )


def _find_program(word: str) -> str:
    """Return the path of a program. Raises CannotStart when there is none."""
    if word in ("python", "python3"):
        return sys.executable
    found = shutil.which(word)
    if found is None:
        raise CannotStart(
            f"there is no program {word!r} on this machine's PATH. Is the name right, and is it "
            "installed?"
        )
    return found
