"""Send what a server's threads print to the server's output, and nothing else.

`print` looks up sys.stdout and calls its `write`. So the `write` of the present stream is
replaced, on that one object, by a function that asks who owns the calling thread. Text of an
owned thread goes to its owner, all other text to the stream as before. The object itself stays
in sys.stdout: whoever kept a reference to it (a logging handler, a progress bar, a capture that
puts it back) is covered too, and its other attributes are untouched. sys.stderr is treated
alike, which covers warnings and logging's handler of last resort. So are the streams that the
process began with: a kernel puts its own in their place, but gives Tornado's logger a handler that
was made before and writes to the first one.

Tracebacks of owned threads are written here as well, because threading's own report names
threads by number and cells by process, which differ in each run.

Not covered: bytes written below Python's streams (os.write, C libraries, children that inherit
descriptor 1). If somebody puts another stream into sys.stdout, as redirect_stdout and pytest's
capsys do, it is covered from the next server or the next connection on.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TextIO

from .owners import owner_of_this_thread, watch_threads
from .places import failure_text

__all__ = ["route"]

_former_excepthook = threading.excepthook
_reporting = threading.Event()


class _RoutedWrite:
    """The write method of a stream, for all threads but those of servers."""

    def __init__(self, write: Callable[[str], int | None]) -> None:
        self._write = write

    def __call__(self, text: str) -> int | None:
        owner = owner_of_this_thread()
        # What is no text is the stream's business: it knows the right error.
        if owner is None or not isinstance(text, str):
            return self._write(text)
        owner.output.write(text)
        return len(text)


def route() -> None:
    """Route the present sys.stdout and sys.stderr, and those that the process began with.

    Calling it again costs next to nothing. Never undone: a thread that would not stop may still
    print.
    """
    watch_threads()
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        _route(stream)
    _report_failures()


def _route(stream: TextIO | None) -> None:
    # None: a Windows program without a console has no streams.
    if stream is None or isinstance(stream.write, _RoutedWrite):
        return
    stream.write = _RoutedWrite(stream.write)  # type: ignore[method-assign,assignment]


def _report_failures() -> None:
    # Once, like watch_threads. Who replaces the hook later still writes to the routed sys.stderr.
    global _former_excepthook
    if not _reporting.is_set():
        _reporting.set()
        _former_excepthook = threading.excepthook
        threading.excepthook = _excepthook


def _excepthook(args: threading.ExceptHookArgs, /) -> None:
    owner = owner_of_this_thread()
    if owner is None or args.exc_value is None:
        _former_excepthook(args)
        return
    if isinstance(args.exc_value, SystemExit):
        return
    if owner.stopping and isinstance(args.exc_value, OSError):
        return  # its connection was shut down under it: that is the stop, not a failure
    owner.output.write(f"Exception in a thread of {owner.name}:\n{failure_text(args.exc_value)}")
