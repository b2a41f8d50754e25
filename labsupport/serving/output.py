"""The text that a server wrote, bounded.

An `Output` keeps the newest characters and counts those that it had to drop, so a server that
prints without end costs a fixed amount of memory. Writers come from many threads. A reader may
wait until a text has come, instead of guessing how long a server takes to print it.
"""

from __future__ import annotations

import threading
from collections import deque

from labsupport.clock import Deadline

__all__ = ["LIMIT", "Output"]

LIMIT = 64 * 1024  # characters


class Output:
    """Text that grows at its end and never exceeds LIMIT characters."""

    def __init__(self) -> None:
        self._pieces: deque[str] = deque()
        self._length = 0
        self._dropped = 0
        # Re-entrant: the collector can run while a piece is added, and what it finds (a task
        # whose exception nobody fetched) is written to the same output by the same thread.
        self._changed = threading.Condition(threading.RLock())

    def write(self, text: str) -> None:
        """Append text; drop the oldest characters beyond LIMIT."""
        with self._changed:
            self._pieces.append(text)
            self._length += len(text)
            while self._length > LIMIT:
                oldest = self._pieces.popleft()
                excess = min(self._length - LIMIT, len(oldest))
                if excess < len(oldest):
                    self._pieces.appendleft(oldest[excess:])
                self._length -= excess
                self._dropped += excess
            self._changed.notify_all()

    @property
    def text(self) -> str:
        """What was written; when something was dropped, the first line says how much."""
        with self._changed:
            kept = "".join(self._pieces)
            if self._dropped:
                return f"[{self._dropped} earlier characters dropped]\n{kept}"
            return kept

    def wait_for(self, text: str, seconds: float) -> str:
        """Return everything written as soon as text is in it.

        seconds: how long to wait. Raises TimeoutError that shows what was written instead.
        """
        deadline = Deadline(seconds)
        with self._changed:
            while text not in self.text:
                if deadline.expired:
                    raise TimeoutError(
                        f"the server has not written {text!r} within {seconds:g} s. "
                        f"It has written:\n{self.text or '(nothing)'}"
                    )
                self._changed.wait(deadline.left())
            return self.text
