"""A thread with its own event loop, for a relay that must run whatever the program does.

The loop is asyncio's selector loop on every platform: its `add_reader` and `add_writer` call plain
functions when a socket is ready, which is all that a relay needs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from labsupport.clock import Deadline

__all__ = ["LoopThread"]

T = TypeVar("T")


class LoopThread:
    """An event loop that runs in a daemon thread from its making until `stop`.

    name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], T], *, deadline: float = 2.0) -> T:
        """Run a function in the loop's thread, and return what it returned or raise what it raised.

        deadline: seconds. Raises TimeoutError when the loop did not get to it, RuntimeError after
        `stop`.
        """
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(function())
            except BaseException as error:  # handed over to the caller's thread, whatever it is
                done.set_exception(error)

        self.loop.call_soon_threadsafe(run)
        return done.result(deadline)

    def stop(self, clean_up: Callable[[], None], *, deadline: float = 2.0) -> None:
        """Run clean_up in the loop's thread, end the loop and the thread; again does nothing.

        Raises RuntimeError when the thread is still there after `deadline` seconds.
        """
        if not self._thread.is_alive():
            return
        until = Deadline(deadline)

        def end() -> None:
            try:
                clean_up()
            finally:
                self.loop.stop()

        self.loop.call_soon_threadsafe(end)
        if threading.current_thread() is self._thread:
            return  # a link that was forgotten may be collected in its own thread
        self._thread.join(until.left())
        if self._thread.is_alive():
            raise RuntimeError(f"the thread {self._thread.name!r} did not end in {deadline:g} s")

    def _run(self) -> None:
        try:
            self.loop.run_forever()
        finally:
            self.loop.close()
