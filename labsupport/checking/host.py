"""The process in which an answer runs. Nothing here decides about a verdict.

The launcher starts this module with the interpreter's `-c`, a folder, and settings; it imports the
standard library, `wire` and `mounting`, so that an answer finds nothing of the checks in its
process. Order of events: connect the channel, set the limits of this process, say "ready", wait for
the answer's source, run it as a module, then do what arrives. What Python has to close for an
answer it says in the answer's output (ResourceWarning, which it hides by default). The messages:

    load    run the source (in the main thread, once), which may import other answers
    call    call a function of the answer, or a method of an object it made
    map     the same for a list of arguments, in one message
    iterate call what returns an async iterator, and take from it what the judge wants
    get     read an attribute
    accept  listen, and call a function for each accepted connection
    set     set the flag that was handed to a call
    cancel  cancel the coroutine that a call runs
    reply   the result of a stand-in's method that the answer called
    where   say which lines of the answer are running
    ping    say that it is there

Each call has a thread, and coroutines a fresh loop in it. What they leave running when they return
is told in the answer's output too, before the loop ends it. A flag is a threading.Event, and for an
`async def` an asyncio.Event. A stand-in is a proxy: each method call on it becomes a message
("ask") and waits for its reply. A coroutine stand-in is followed: its coroutine here begins, is
cancelled and ends as its `run` in the judge does. When the channel ends, the judge is gone, and the
whole process group ends with it.

The learner's code can do anything to this process. What it sends is untrusted, and the judge
treats it so.
"""

from __future__ import annotations

import builtins
import contextlib
import json
import linecache
import os
import queue
import signal
import socket
import sys
import threading
import time
import types
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from . import wire
from .mounting import FILE, Mounting, code_of, file_of, slug_of

_FRAMES = 8
_MESSAGE = 2000
_SAMPLES = 10
_PARTING = 2.0  # seconds that a peer may be silent after the answer left a connection open
_PAUSE = 0.01  # seconds between two looks at the running threads
_CO_COROUTINE = 0x80  # inspect.CO_COROUTINE
_BUSY = 0.002  # seconds of processor time during all looks; a thread that waits uses none


def main() -> None:
    """Run a host: argv ends in a JSON object with "channel" and "limits"."""
    settings = json.loads(sys.argv[-1])
    sys.argv[1:] = []
    channel = _connected(settings["channel"])
    missing = limited(settings["limits"])
    Host(channel).run(missing)


class Host:
    """The answer's module, the objects it made for the checks, and the channel to the judge."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        self.pid = os.getpid()
        self.sending = threading.Lock()
        self.module = types.ModuleType("answer")
        self.objects: dict[int, Any] = {}
        self.flags: dict[int, threading.Event] = {}
        self.listeners: dict[int, socket.socket] = {}
        self.kept: list[socket.socket] = []  # connections that only the answer may close
        self.proxies: dict[int, Any] = {}
        self.asked: dict[int, Callable[[dict[str, Any]], None]] = {}
        self.asks = 0
        self.loops: dict[int, Any] = {}  # thread -> the event loop that runs in it
        self.tasks: dict[int, Any] = {}  # call -> the task of its coroutine
        self.twins: dict[threading.Event, tuple[Any, Any]] = {}  # flag -> its loop, asyncio.Event
        self.own_threads: set[int] = set()

    def run(self, missing: list[str]) -> NoReturn:
        """Serve the channel until it ends. The main thread runs the answer's module."""
        source: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(source,), name="host-reader", daemon=True).start()
        warnings.simplefilter("always", ResourceWarning)
        warnings.formatwarning = _warned
        self.send({"op": "ready", "missing": missing})
        request = source.get()
        self._answer(request, lambda: self._load(request))
        while True:  # the reader ends the process
            signal.pause() if hasattr(signal, "pause") else threading.Event().wait()

    def send(self, message: dict[str, Any], *, lenient: bool = False) -> None:
        """Send one message. Raises wire.NotPlain."""
        frame = wire.pack(message, refer=self._refer, lenient=lenient)
        with self.sending:
            self.channel.sendall(frame)

    # ---- what arrives ----

    def _read(self, source: queue.SimpleQueue[dict[str, Any]]) -> None:
        self.own_threads.add(threading.get_ident())
        try:
            while True:
                text, blobs = wire.sizes(self._exactly(wire.HEADER.size))
                message = wire.unpack(
                    self._exactly(text), self._exactly(blobs), resolve=self._resolve
                )
                self._dispatch(message, source)
        except (OSError, EOFError):
            _end()

    def _exactly(self, size: int) -> bytes:
        data = bytearray(size)
        view = memoryview(data)
        at = 0
        while at < size:
            received = self.channel.recv_into(view[at:])
            if not received:
                raise EOFError
            at += received
        return bytes(data)

    def _dispatch(self, message: dict[str, Any], source: queue.SimpleQueue[dict[str, Any]]) -> None:
        op = message["op"]
        if op == "reply":
            if message["ask"] in self.asked:  # else a coroutine that was closed meanwhile
                self.asked[message["ask"]](message)
        elif op == "set":
            self._set(self._flag(message["flag"]))
        elif op == "cancel":
            if (task := self.tasks.get(message["call"])) is not None:
                with contextlib.suppress(RuntimeError):  # it has ended, and its loop is closed
                    task.get_loop().call_soon_threadsafe(task.cancel)
        elif op == "load":
            source.put(message)
        elif op == "quiet":
            listener = self.listeners.pop(message["id"])
            with contextlib.suppress(OSError):  # a shutdown wakes accept(); not every system has it
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        else:
            work = {
                "call": self._call,
                "map": self._map,
                "replay": self._replay,
                "iterate": self._iterate,
                "get": self._get,
                "accept": self._accept,
                "where": self._where,
                "ping": self._ping,
            }[op]
            own = op in ("where", "ping")
            threading.Thread(
                target=self._answer, args=(message, lambda: work(message), own), daemon=True
            ).start()

    def _answer(
        self, request: dict[str, Any], work: Callable[[], dict[str, Any]], own: bool = False
    ) -> None:
        """Do what was asked and send what came of it."""
        if own:
            self.own_threads.add(threading.get_ident())
        try:
            reply = work()
            self._reply(request, reply)
        except wire.NotPlain as refused:
            where = refused.where.removeprefix("['value']")  # of the message around it
            words = {"kind": refused.kind, "where": where, "why": refused.why}
            self._reply(request, {"op": "refused", **words})
        except _Missing as missing:
            self._reply(request, {"op": "missing", "what": missing.what, "names": missing.names})
        except BaseException as error:
            self._reply(request, {"op": "raised", **self._told(error)})

    def _reply(self, request: dict[str, Any], reply: dict[str, Any]) -> None:
        if os.getpid() != self.pid:
            os._exit(0)  # a child that the answer forked came back here: it has nothing to say
        with contextlib.suppress(OSError):  # the judge has gone; the reader ends this process
            self.send({**reply, "id": request["id"]})

    # ---- the work ----

    def _load(self, request: dict[str, Any]) -> dict[str, Any]:
        sys.meta_path.insert(0, Mounting(request["others"].get))
        self.module.__file__ = FILE
        sys.modules["answer"] = self.module
        exec(code_of(request["source"], FILE), self.module.__dict__)
        return {"op": "done", "value": self._names()}

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        target = self._target(request)
        result = self._called(target, request["args"], request["kwargs"], request["id"])
        if request["keep"]:
            self.objects[request["id"]] = result
            result = None
        return {"op": "done", "value": result}

    def _map(self, request: dict[str, Any]) -> dict[str, Any]:
        target = self._target(request)
        results = [self._called(target, [item], {}) for item in request["args"]]
        return {"op": "done", "value": results}

    def _replay(self, request: dict[str, Any]) -> dict[str, Any]:
        make = self._target({"object": None, "name": request["name"]})
        results = []
        for run in request["runs"]:
            target = _method(self._called(make, request["args"], {}), request["method"])
            results.append([self._called(target, [item], {}) for item in run])
        return {"op": "done", "value": results}

    def _iterate(self, request: dict[str, Any]) -> dict[str, Any]:
        made = self._target(request)(*request["args"])
        if not hasattr(type(made), "__anext__"):
            if isinstance(made, types.CoroutineType):
                made.close()
            return {"op": "done", "value": _kind(type(made))}
        with self._runner() as runner:
            runner.run(self._taken(made, request["taker"]))
        return {"op": "done", "value": None}

    async def _taken(self, iterator: Any, taker: Any) -> None:
        """Take an item whenever the judge wants one, and close the iterator in any case."""
        try:
            while await taker.wants():
                try:
                    item = await anext(iterator)
                except StopAsyncIteration:
                    return
                taker.take(item)
        finally:
            if hasattr(iterator, "aclose"):
                await iterator.aclose()

    def _ping(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"op": "done", "value": None}

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"op": "done", "value": getattr(self.objects[request["object"]], request["name"])}

    def _called(
        self, target: Any, args: list[Any], kwargs: dict[str, Any], call: int | None = None
    ) -> Any:
        made: Any = None
        if not _is_coroutine_function(target):
            made = target(*args, **kwargs)
            if not isinstance(made, types.CoroutineType):
                return made
        with self._runner() as runner:
            if made is None:
                loop = runner.get_loop()
                made = target(*(self._awaitable(each, loop) for each in args), **kwargs)
            return runner.run(made if call is None else self._noted(made, call))

    @contextlib.contextmanager
    def _runner(self) -> Iterator[Any]:
        """A fresh event loop for this thread; what is left running at its end is told."""
        import asyncio  # 30 ms, which most answers need not pay

        me = threading.get_ident()
        with asyncio.Runner() as runner:
            loop = self.loops[me] = runner.get_loop()
            try:
                yield runner
            finally:
                del self.loops[me]
                _tell_of_tasks(loop)

    async def _noted(self, coroutine: types.CoroutineType[Any, Any, Any], call: int) -> Any:
        """Run a coroutine so that its call can be cancelled."""
        import asyncio

        self.tasks[call] = asyncio.current_task()
        try:
            return await coroutine
        finally:
            del self.tasks[call]

    def _awaitable(self, value: Any, loop: Any) -> Any:
        """For a flag an asyncio.Event, which is set when the flag is; else the value itself."""
        if not isinstance(value, threading.Event):
            return value
        import asyncio

        twin = asyncio.Event()
        self.twins[value] = loop, twin
        if value.is_set():  # it was before anybody knew of the other
            twin.set()
        return twin

    def _set(self, flag: threading.Event) -> None:
        flag.set()
        if flag in self.twins:
            loop, twin = self.twins[flag]
            with contextlib.suppress(RuntimeError):  # the call has ended, and its loop is closed
                loop.call_soon_threadsafe(twin.set)

    def _target(self, request: dict[str, Any]) -> Any:
        """What is to be called: a name of the module, or a method of an object."""
        name = request["name"]
        if request["object"] is not None:
            return _method(self.objects[request["object"]], name)
        target = getattr(self.module, name, None)
        if not callable(target):
            raise _Missing(name, self._names())
        return target

    def _accept(self, request: dict[str, Any]) -> dict[str, Any]:
        target = self._target(request)
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.listeners[request["id"]] = listener
        threading.Thread(
            target=self._accepting,
            args=(request["id"], listener, target, request["timeout"], request["close"]),
            name="host-accept",
            daemon=True,
        ).start()
        return {"op": "done", "value": listener.getsockname()[1]}

    def _accepting(
        self, call: int, listener: socket.socket, target: Any, timeout: float, close: bool
    ) -> None:
        self.own_threads.add(threading.get_ident())
        number = 0
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # the listener was closed
            number += 1
            connection.settimeout(timeout)
            threading.Thread(
                target=self._handled,
                args=(call, number, connection, target, close),
                name=f"connection-{number}",
                daemon=True,
            ).start()
            del connection  # the handler's thread alone decides how long it lives

    def _handled(
        self, call: int, number: int, connection: socket.socket, target: Any, close: bool
    ) -> None:
        if not close:
            self.kept.append(connection)
        outcome: dict[str, Any] = {"raised": None, "value": None}
        try:
            outcome["value"] = self._called(target, [connection], {})
        except BaseException as error:
            outcome["raised"] = self._told(error)
        if os.getpid() != self.pid:
            os._exit(0)
        # Told before the connection ends, so that a check which sees the end finds the outcome.
        told = {"op": "outcome", "id": call, "number": number}
        with contextlib.suppress(OSError):
            try:
                self.send({**told, **outcome})
            except wire.NotPlain:  # most handlers return nothing that anybody asks for
                self.send({**told, **outcome, "value": None})
        if close:
            _part(connection)

    # ---- stand-ins and flags ----

    def _flag(self, number: int) -> threading.Event:
        return self.flags.setdefault(number, threading.Event())

    def _resolve(self, reference: list[Any]) -> Any:
        kind, number, *more = reference
        if kind == "object":
            return self.objects[number]
        if kind == "flag":
            return self._flag(number)
        if kind == "coroutine":
            return self._following(number)
        if number not in self.proxies:
            self.proxies[number] = _proxy(self, number, *more)
        return self.proxies[number]

    def _refer(self, value: Any) -> list[Any] | None:
        number = getattr(type(value), "_stand_in", None)
        return None if number is None else ["standin", number]

    def ask(self, number: int, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a stand-in's method in the judge and return what it returns, or raise."""
        inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        ask = self._expecting(inbox.put)
        try:
            self.send(
                {"op": "ask", "ask": ask, "standin": number, "method": method, "args": list(args),
                 "kwargs": kwargs},
                lenient=True,
            )  # fmt: skip
            reply = inbox.get()
        finally:
            del self.asked[ask]
        return _outcome(reply)

    async def _following(self, number: int) -> Any:
        """Do what a coroutine stand-in's `run` does: begin, be cancelled and end when it does."""
        import asyncio

        loop = asyncio.get_running_loop()
        reply: asyncio.Future[dict[str, Any]] = loop.create_future()

        def take(message: dict[str, Any]) -> None:
            with contextlib.suppress(RuntimeError):  # nobody waits any more, and the loop is closed
                loop.call_soon_threadsafe(reply.set_result, message)

        ask = self._expecting(take)
        try:
            self.send(
                {"op": "ask", "ask": ask, "standin": number, "method": "run", "args": [],
                 "kwargs": {}}
            )  # fmt: skip
            asked = False
            while not reply.done():
                try:
                    await asyncio.wait([reply])
                except asyncio.CancelledError:
                    if reply.done():
                        raise
                    asked = True
                    self.send({"op": "cancel", "ask": ask, "left": self._is_over(loop)})
            if asked and not reply.result()["told"]:  # `run` had ended before it was to be told
                raise asyncio.CancelledError
        finally:
            del self.asked[ask]
            self.send({"op": "over", "ask": ask, "left": self._is_over(loop)})
        return _outcome(reply.result())

    def _is_over(self, loop: Any) -> bool:
        """Whether the call that a loop was made for has returned or raised."""
        return loop not in self.loops.values()

    def _expecting(self, take: Callable[[dict[str, Any]], None]) -> int:
        """The number of a new call to a stand-in, whose reply `take` gets."""
        with self.sending:
            self.asks += 1
            self.asked[self.asks] = take
            return self.asks

    # ---- what to say about errors and running code ----

    def _names(self) -> list[str]:
        return sorted(name for name in vars(self.module) if not name.startswith("_"))[:50]

    def _told(self, error: BaseException) -> dict[str, Any]:
        """An exception as plain data, whatever its class says about itself."""
        try:
            return self._described(error)
        except BaseException:
            text = "an exception that cannot be described"
            return {"kind": text, "kinds": [], "message": "", "line": None, "traceback": text,
                    "name": None}  # fmt: skip

    def _described(self, error: BaseException) -> dict[str, Any]:
        frames = _frames(error)
        lines: list[str] = []
        if len(frames) > _FRAMES:
            lines.append(f"... and {len(frames) - _FRAMES} calls before")
        for slug, line, function in frames[-_FRAMES:]:
            where = "" if function == "<module>" else f", in {function}"
            lines.append(f"{slug}{', ' if slug else ''}line {line}{where}")
            lines.append(f"    {linecache.getline(file_of(slug), line).strip()}")
        kind = _kind(type(error))
        message = _message(error)
        lines.append(f"{kind}: {message}" if message else kind)
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions[:3]:
                lines += [f"  | {line}" for line in self._described(each)["traceback"].splitlines()]
                frames = frames or _frames(each)
        name = getattr(error, "name", None)
        return {
            "kind": kind,
            "kinds": [each.__name__ for each in type(error).__mro__],
            "message": message,
            "line": next((line for slug, line, _ in reversed(frames) if not slug), None),
            "traceback": "\n".join(lines),
            "name": name if isinstance(name, str) and len(name) < 100 else None,
        }

    def _where(self, request: dict[str, Any]) -> dict[str, Any]:
        """Which lines of the answer are running, thread by thread and task by task."""
        looks: dict[int, list[tuple[int, str]]] = {}
        clocks: dict[int, list[float | None]] = {}
        for _ in range(_SAMPLES):
            for thread, frame in sys._current_frames().items():
                if thread not in self.own_threads and (seen := _deepest(frame)) is not None:
                    looks.setdefault(thread, []).append(seen)
                    clocks.setdefault(thread, []).append(_spent(thread))
            threading.Event().wait(_PAUSE)
        running = sys._current_frames()
        places = []
        for thread, look in looks.items():
            before, after = clocks[thread][0], clocks[thread][-1]
            if thread not in running or before is None or after is None:
                busy = thread not in running or len(set(look)) > 1  # what has ended did not wait
            else:
                busy = after - before > _BUSY
            places.append(_place(look, busy))
        for loop in list(self.loops.values()):
            for waiting in _waiting_tasks(loop):
                own = [(line, function) for file, line, function in waiting if file == FILE]
                places += [_place(own[-1:], False)] if own else []
        places.sort(key=lambda place: (not place["busy"], place["lines"]))
        return {"op": "done", "value": places[:3]}


class _Missing(Exception):
    """The answer has no such callable."""

    def __init__(self, what: str, names: list[str]) -> None:
        self.what = what
        self.names = names


def _method(owner: Any, name: str) -> Any:
    """What is to be called of an object."""
    target = getattr(owner, name, None)
    if not callable(target):
        raise _Missing(name, [each for each in dir(owner) if not each.startswith("_")])
    return target


def _outcome(reply: dict[str, Any]) -> Any:
    """Return or raise what a stand-in's method returned or raised."""
    if "raised" not in reply:
        return reply["value"]
    kind, details = reply["raised"]
    if kind == "CancelledError":
        import asyncio

        raise asyncio.CancelledError
    raise getattr(builtins, kind)(*details)


def _kind(cls: type) -> str:
    """The name of an exception's class, with its module where Python's tracebacks have it."""
    own = cls.__module__ in ("builtins", "answer")
    return cls.__name__ if own else f"{cls.__module__}.{cls.__name__}"


def _connected(channel: dict[str, Any]) -> socket.socket:
    """The channel: an inherited descriptor, or a connection to a port that proves itself."""
    if "descriptor" in channel:
        sock = socket.socket(fileno=channel["descriptor"])
        sock.set_inheritable(False)
        return sock
    sock = socket.create_connection(("127.0.0.1", channel["port"]), timeout=10)
    sock.sendall(bytes.fromhex(os.environ.pop("LABSUPPORT_HOST")))
    sock.settimeout(None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def limited(limits: dict[str, int]) -> list[str]:
    """Set the limits (setrlimit(2)) and return the names of those that this system refuses."""
    missing = []
    try:
        import resource
    except ImportError:  # Windows
        return sorted(limits)
    for name, value in limits.items():
        try:
            kind = getattr(resource, name)
            _, hard = resource.getrlimit(kind)
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (most, most))
        except (AttributeError, OSError, ValueError):
            missing.append(name)
    return missing


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,
) -> str:
    """A warning as a line of output, without a path and a port, so that it is always the same."""
    said, addresses, _ = str(message).partition(", laddr=")
    where = f"line {lineno}: " if filename == FILE else ""
    return f"{where}{category.__name__}: {said}{'>' if addresses else ''}\n"


def _end() -> NoReturn:
    """End this process and its group at once; nobody is left to talk to."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _part(connection: socket.socket) -> None:
    """End a connection that the answer left open.

    A close with bytes unread is a reset, and whether they are there already is a matter of luck.
    So the stream is ended first, behind all that the answer sent, and what comes is read away.
    """
    with contextlib.suppress(OSError):  # the answer has closed it, or the peer is gone
        connection.settimeout(_PARTING)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(64 * 1024):
            pass
    with contextlib.suppress(OSError):
        connection.close()


def _proxy(host: Host, number: int, name: str, exposed: list[str]) -> Any:
    """An object whose exposed methods are messages to the judge."""

    def forwarding(method: str) -> Callable[..., Any]:
        def forward(self: Any, *args: Any, **kwargs: Any) -> Any:
            return host.ask(number, method, args, kwargs)

        forward.__name__ = method
        return forward

    def recv_into(self: Any, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        view = memoryview(buffer).cast("B")
        data = self.recv(nbytes or len(view))
        view[: len(data)] = data
        return len(data)

    def absent(self: Any, attribute: str) -> Any:
        offered = ", ".join(each for each in exposed if not each.startswith("__"))
        raise AttributeError(
            f"this {name} is a stand-in: it offers {offered}, and has no {attribute}",
            name=attribute,
            obj=self,
        )

    members: dict[str, Any] = {method: forwarding(method) for method in exposed}
    if "recv_into" in members:  # a buffer cannot cross: its bytes do
        members["recv_into"] = recv_into
    if "__enter__" in members:
        members["__enter__"] = lambda self: self
    if "__exit__" in members:
        members["__exit__"] = lambda self, *_: self.close()
    members |= {"_stand_in": number, "__getattr__": absent, "__slots__": ()}
    members["__repr__"] = lambda self: f"<{name}>"
    return type(name, (), members)()


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:
        return "(its message could not be made)"
    return text if len(text) <= _MESSAGE else text[:_MESSAGE] + "..."


def _frames(error: BaseException) -> list[tuple[str, int, str]]:
    """The lines and functions of the answer in a traceback, outermost first.

    Before them the slug of another answer that they are in; empty for the one that is judged.
    """
    frames = []
    step = error.__traceback__
    while step is not None:
        slug = slug_of(step.tb_frame.f_code.co_filename)
        if slug is not None:
            frames.append((slug, step.tb_lineno, step.tb_frame.f_code.co_name))
        step = step.tb_next
    return frames


def _deepest(frame: types.FrameType | None) -> tuple[int, str] | None:
    """The line and function of the answer that a thread is in, if any."""
    while frame is not None:
        if frame.f_code.co_filename == FILE:
            return frame.f_lineno, frame.f_code.co_name
        frame = frame.f_back
    return None


def _spent(thread: int) -> float | None:
    """The processor time of a running thread in seconds, where the system tells it."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return None
    try:
        return time.clock_gettime(time.pthread_getcpuclockid(thread))
    except OSError:
        return None


def _place(seen: list[tuple[int, str]], busy: bool) -> dict[str, Any]:
    """What was seen of a thread; its most frequent line and function come first."""
    (line, function), _ = Counter(seen).most_common(1)[0]
    lines = sorted({line for line, _ in seen})
    return {"line": line, "lines": lines, "function": function, "busy": busy}


def _is_coroutine_function(target: Any) -> bool:
    """Whether it is an `async def`; `inspect` asks more, and is slow to import."""
    code = getattr(target, "__code__", None)
    return bool(getattr(code, "co_flags", 0) & _CO_COROUTINE)


def _tell_of_tasks(loop: Any) -> None:
    """Warn of the answer's tasks that are not done although the call that made them is."""
    for *_, (file, line, function) in _waiting_tasks(loop):
        said = f"the task in `{function}` was not done when its loop ended"
        warnings.warn_explicit(said, ResourceWarning, file, line)


def _waiting_tasks(loop: Any) -> Iterator[list[tuple[str, int, str]]]:
    """For each task of the answer, or of another that it has imported, where it waits: the files,
    lines and functions of answers, outermost first."""
    import asyncio

    for task in asyncio.all_tasks(loop):
        coroutine: Any = task.get_coro()
        seen = []
        while coroutine is not None:
            frame = getattr(coroutine, "cr_frame", None)
            if frame is not None and slug_of(frame.f_code.co_filename) is not None:
                seen.append((frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name))
            coroutine = getattr(coroutine, "cr_await", None)
        if seen:
            yield seen
