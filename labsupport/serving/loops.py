"""Run servers that live on an event loop: a thread of its own with a loop of its own.

A server on the notebook's own loop would stand still while a cell runs, and a cell that waits
for it would wait for ever. So each server gets a private loop.

Stopping is a conversation with that loop: close the listener, cancel every task, give the tasks
some time to finish, abort the connections, give them the rest of the time. What is pending then
is named and left: the loop ends under it. If the loop does not even answer, a handler blocks it,
and the line at which its thread stands is named instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import socket
import threading
import traceback
import weakref
from abc import abstractmethod
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from labsupport.clock import Deadline

from .errors import CannotStart, Survivor
from .owners import give
from .places import failure_text, place_of_coroutine, place_of_thread
from .routing import route
from .server import Server
from .threads import join_threads

__all__ = ["LoopServer", "StreamServer"]

_CANCEL = 0.4  # the part of the deadline that cancelled tasks have for a farewell
_ABORT = 0.8  # the part after which the loop ends; the rest is for joining the threads


class LoopServer(Server):
    """What servers on an event loop share; a kind opens itself on the loop and aborts itself."""

    def __init__(self, name: str, opened: socket.socket) -> None:
        super().__init__(name, opened.getsockname()[:2])
        self._opened = opened
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._report)
        self._asked = asyncio.Event()
        self._ready = threading.Event()
        self._deadline = Deadline(0)
        self._left: list[Survivor] = []
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        give(self._thread, self._owner)

    def _start(self, deadline: Deadline) -> None:
        self._thread.start()
        if not self._ready.wait(deadline.left()):
            raise CannotStart(f"server {self.name!r} was not ready within {deadline.seconds:g} s.")
        if self._failure is not None:
            raise CannotStart(
                f"server {self.name!r} could not start: {self._failure}"
            ) from self._failure

    @abstractmethod
    async def _open(self, opened: socket.socket) -> None:
        """Serve on opened, a listening socket."""

    @abstractmethod
    def _close(self) -> None:
        """Accept nothing any more."""

    @abstractmethod
    def _abort(self) -> None:
        """Close all connections at once, without sending what is still buffered."""

    @property
    def running(self) -> bool:
        """Whether the loop, or a thread that its handlers started, has not ended."""
        return bool(self.owned_threads)

    def _run(self) -> None:
        executor = ThreadPoolExecutor(thread_name_prefix=f"{self.name} worker")
        self._loop.set_default_executor(executor)
        try:
            self._loop.run_until_complete(self._serve())
        except SystemExit:
            pass
        except BaseException as failure:
            self._fail(failure)
            traceback.clear_frames(failure.__traceback__)
        finally:
            # Drop what waits for a worker. Do not wait for the workers: stop() names the blocked.
            executor.shutdown(wait=False, cancel_futures=True)
            self._loop.close()
            self._opened.close()
            self._ready.set()

    async def _serve(self) -> None:
        await self._open(self._opened)
        self._ready.set()
        await self._asked.wait()
        self._close()
        await self._end_tasks()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._loop.shutdown_asyncgens(), self._deadline.left() / 2)

    async def _end_tasks(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        whole = self._deadline.left()
        pending = await _wait(tasks, whole * _CANCEL)
        self._abort()
        pending = await _wait(pending, whole * (_ABORT - _CANCEL))
        for task in pending:
            self._left.append(Survivor("task", task.get_name(), _place_of_task(task)))
            self._close_coroutine(task)

    def _close_coroutine(self, task: asyncio.Task[Any]) -> None:
        # Else the collector does it later, in any thread, and its prints end up in a cell.
        coroutine = task.get_coro()
        if inspect.iscoroutine(coroutine):
            try:
                coroutine.close()
            except Exception as failure:  # its own clean-up raised, or awaited once more
                self._owner.output.write(failure_text(failure))

    def _shut(self, deadline: Deadline) -> list[Survivor]:
        self._deadline = deadline
        with contextlib.suppress(RuntimeError):  # the loop is closed: it has ended already
            self._loop.call_soon_threadsafe(self._asked.set)
        survivors = join_threads(self._owner.threads, deadline)
        # A handler that stops its own server cannot wait for its loop: it ends after the call.
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            where = place_of_thread(self._thread)
            survivors = [left for left in survivors if left.name != self._thread.name]
            survivors.insert(0, Survivor("loop", self.name, f"{where} (this call blocks the loop)"))
        # Reported once: the loop that they were on has ended, so nothing of them runs any more.
        survivors += self._left
        self._left = []
        return survivors

    def _report(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Write what asyncio reports (exceptions nobody fetched, failing callbacks).

        The collector can cause a report in any thread, so it goes to the output directly.
        """
        failure = context.get("exception")
        if self._owner.stopping and isinstance(failure, OSError | asyncio.CancelledError):
            return  # its connection or its task was ended by the stop
        self._owner.output.write(f"{context['message']}\n")
        if failure is not None:
            self._owner.output.write(failure_text(failure))


class StreamServer(LoopServer):
    """An asyncio stream handler: async def handle(reader, writer, *args).

    A handler that raises has its traceback in the output and its connection closed; the others
    go on. A handler that returns without closing its writer leaves the connection open.
    """

    kind: ClassVar[str] = "asyncio"
    _described: ClassVar[str] = "an asyncio handler on its own loop"

    def __init__(
        self,
        name: str,
        handler: Callable[..., Coroutine[Any, Any, object]],
        args: tuple[Any, ...],
        opened: socket.socket,
        backlog: int,
    ) -> None:
        self._handler = handler
        self._args = args
        self._backlog = backlog
        self._count = 0
        self._transports: weakref.WeakSet[asyncio.WriteTransport] = weakref.WeakSet()
        super().__init__(name, opened)

    async def _open(self, opened: socket.socket) -> None:
        self._server = await asyncio.start_server(self._handle, sock=opened, backlog=self._backlog)

    def _close(self) -> None:
        self._server.close()

    def _abort(self) -> None:
        for transport in list(self._transports):
            transport.abort()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        route()
        self._count += 1
        task = asyncio.current_task()
        if task is not None:
            task.set_name(f"connection {self._count}")
        self._transports.add(writer.transport)
        try:
            await self._handler(reader, writer, *self._args)
        except Exception as failure:
            self._owner.output.write(f"Exception in the handler:\n{failure_text(failure)}")
            writer.close()


async def _wait(tasks: set[asyncio.Task[Any]], seconds: float) -> set[asyncio.Task[Any]]:
    """Wait for tasks and return those that are still pending."""
    if not tasks:
        return tasks
    return (await asyncio.wait(tasks, timeout=seconds))[1]


def _place_of_task(task: asyncio.Task[Any]) -> str:
    coroutine = task.get_coro()
    return place_of_coroutine(coroutine) if inspect.iscoroutine(coroutine) else ""
