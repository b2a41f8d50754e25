"""What can go wrong with a server, in a learner's words.

RuntimeError
├── CannotStart     the server never came up; the message has its output
├── CommandFailed   a command line ended by itself, with an exit status that means failure
└── StillRunning    something did not stop in time; .survivors says what, and where it is
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["CannotStart", "CommandFailed", "StillRunning", "Survivor"]


class CannotStart(RuntimeError):
    """A server could not be started: nothing of it is left."""


class CommandFailed(RuntimeError):
    """A command line that served has ended by itself, and not with exit status 0."""


@dataclass(frozen=True, slots=True)
class Survivor:
    """Something that would not stop.

    what: "thread", "task", "loop", "process" or "pipe".
    name: its own name.
    where: "at" the line where it stands, with the function and the source, or what is known
    instead; "" where nobody can tell.
    """

    what: str
    name: str
    where: str

    def __str__(self) -> str:
        return f"{self.what} {self.name!r} {self.where}".rstrip()


class StillRunning(RuntimeError):
    """A server was asked to stop, and part of it did not stop before the deadline.

    The listener and the connections are shut down in any case. What is named in `.survivors`
    may end later; calling stop() again looks once more.
    """

    def __init__(self, server: str, seconds: float, survivors: Sequence[Survivor]) -> None:
        self.server = server
        self.survivors = tuple(survivors)
        listed = "".join(f"\n  {survivor}" for survivor in self.survivors)
        super().__init__(
            f"server {server!r} did not stop within {seconds:g} s. Still there:{listed}\n"
            "Find out what each of them waits for, and give it a way to notice the stop: "
            "a closed connection, a timeout, a cancellation."
        )
