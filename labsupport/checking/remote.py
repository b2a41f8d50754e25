"""The answer as a check sees it: calls into another process.

`RemoteAnswer` is what a check gets as `answer`. Each of its calls is a message to the host
process, and waits for the reply in the checks' event loop; several may wait at once. One task
reads what comes: replies, calls to stand-ins, outcomes of handled connections. All of it was made
by the learner's process, so it is bounded and checked, and a host that sends anything else is
taken for one that has crashed.

What can come instead of a reply:
    AnswerRaised   the answer raised an exception
    Mismatch       the answer has no such function, or returned something that cannot cross
    HostGone       the process has ended: it was killed, it ended itself, or it sent nonsense
The checks meet the last one as a verdict, not as an exception to handle.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import psutil

from labsupport.checking import datagrams, files, iterating, peers, wire
from labsupport.checking.answer import Answer
from labsupport.checking.asserts import Exchange, Mismatch
from labsupport.checking.hosts import Held, HostProcess, OpenSocket
from labsupport.checking.raised import AnswerRaised, HostGone
from labsupport.checking.showing import count, show
from labsupport.checking.standins import Coroutine, Flag, ScriptedSocket, StandIn, crossing
from labsupport.trace import Trace

if TYPE_CHECKING:
    from labsupport.link import Link

__all__ = ["RemoteAnswer", "RemoteObject", "RemoteTask"]

_ASKS = 1000  # calls to stand-ins that may wait at once
_ASKED = wire.MAX_JSON + wire.MAX_BLOBS  # bytes of them
_PLACES = 3
_LARGEST = 16 * 1024 * 1024  # bytes of a file that a check reads
_ENDED: list[object] = ["RuntimeError", ["the check has ended"]]
_LAST_WORDS = 1.0  # seconds to learn how a process ended after its channel did

Renew = Callable[[HostProcess], HostProcess]

PLAIN = "None, bool, int, float, str, bytes, list, tuple, dict and set"


class RemoteObject:
    """An object that the answer made and that stays in its process."""

    def __init__(self, answer: RemoteAnswer, number: int, made_by: str) -> None:
        self._answer = answer
        self.number = number
        self.made_by = made_by

    def __repr__(self) -> str:
        return self.made_by

    async def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a method and return its result, plain data."""
        return await self._answer._call(self, name, args, kwargs)

    async def map(self, name: str, /, items: Sequence[Any]) -> list[Any]:
        """Call a one-argument method for each item, in one message; the list of results."""
        return await self._answer._map(self, name, items)

    async def get(self, name: str, /) -> Any:
        """The value of an attribute, plain data."""
        return await self._answer._request("get", f"{self}.{name}", object=self.number, name=name)

    async def raises(
        self, kinds: str | Sequence[str], name: str, /, *args: Any, **kwargs: Any
    ) -> AnswerRaised:
        """Pass if the method raises one of these exceptions or a subclass; what it raised."""
        call = self._answer._call(self, name, args, kwargs)
        return await _expect_raise(kinds, call, _spoken(f"{self}.{name}", args, kwargs))


class RemoteTask:
    """A call into the answer that runs while the check goes on."""

    def __init__(self, answer: RemoteAnswer, number: int, request: asyncio.Task[Any]) -> None:
        self._answer = answer
        self._number = number
        self._request = request

    def done(self) -> bool:
        """Whether it has returned or raised."""
        return self._request.done()

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait at most `timeout` seconds for its end; whether it has ended."""
        await asyncio.wait([self._request], timeout=timeout)
        return self.done()

    async def result(self) -> Any:
        """What it returned, plain data, or raise as `RemoteAnswer.call` does."""
        return await self._request

    async def cancel(self) -> None:
        """Cancel the coroutine in the answer's process, as Task.cancel does. It may go on."""
        await self._answer._send({"op": "cancel", "call": self._number})


class RemoteAnswer:
    """The answer, seen from a check. See the module's description for what a call can raise.

    renew: ends the process it is given and returns a fresh one, for `restart`.
    """

    def __init__(self, host: HostProcess, renew: Renew | None = None) -> None:
        self._host = host
        self._renew = renew
        self._answer: Answer | None = None
        self._pending: dict[int, asyncio.Future[Any]] = {}
        self._spoken: dict[int, str] = {}
        self._stand_ins: list[StandIn] = []
        self._numbers = 0
        self._asks: dict[asyncio.Task[None], int] = {}
        self._runs: dict[int, asyncio.Task[object]] = {}
        self._followed: dict[int, Coroutine] = {}
        self._sending = asyncio.Lock()
        self._gone: HostGone | None = None
        self.ended = asyncio.Event()
        """Set when the process has ended: `gone` says how."""
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._outcomes: dict[int, Callable[[int, AnswerRaised | None, Any], None]] = {}
        self._reader: asyncio.Task[None] | None = None
        self.did = ""
        """The last call, in words, for feedback on a crash or a hang."""
        self.failure: Exception | None = None
        """What was found wrong beside the check's own code; it fails the check in any case."""
        self.exchanges: list[Exchange] = []
        """Connections, ports and scripted sockets of this check, in the order of their making."""
        self._datagrams = Trace()
        self._udp: list[datagrams.Port] = []
        self.ports: set[int] = set()
        """Ports in use, which feedback must not show."""
        self.missing_limits: list[str] = []
        self.elsewhere: frozenset[str] = frozenset()

    # ---- what checks use ----

    async def call(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function of the answer and return its result, plain data.

        A coroutine function runs on a fresh event loop. Arguments may be plain data, stand-ins
        and objects from `new`. Raises AnswerRaised when the answer raises.
        """
        return await self._call(None, name, args, kwargs)

    @asynccontextmanager
    async def running(self, name: str, /, *args: Any) -> AsyncIterator[RemoteTask]:
        """Call a coroutine function of the answer, and go on with the block while it runs.

        Nobody waits for it any more when the block ends.
        """
        number = self._next()
        request = asyncio.create_task(self._call(None, name, args, {}, number))
        try:
            yield RemoteTask(self, number, request)
        finally:
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)

    async def map(self, name: str, /, items: Sequence[Any]) -> list[Any]:
        """Call a one-argument function for each item, in one message; the list of results."""
        return await self._map(None, name, items)

    async def new(self, name: str, /, *args: Any, **kwargs: Any) -> RemoteObject:
        """Call a class or function of the answer and keep what it returns in its process."""
        spoken = _spoken(name, args, kwargs)
        self.did = f"called {spoken}"
        number = self._next()
        await self._request(
            "call", spoken, number=number, object=None, name=name, args=list(args), kwargs=kwargs,
            keep=True,
        )  # fmt: skip
        return RemoteObject(self, number, f"{name}(...)" if args or kwargs else f"{name}()")

    async def replay(
        self, name: str, method: str, /, runs: Sequence[Sequence[Any]], *args: Any
    ) -> list[list[Any]]:
        """For each run make a new object, and call its one-argument method for each item of the
        run; all in one message. For each run the list of results. args: for the class.

        When something raises, all is done once more, call by call: so the call that raises is the
        one that feedback names."""
        spoken = f"{_spoken(name, args, {})}.{method}"
        calls = sum(map(len, runs))
        self.did = f"called {spoken}(...) {count(calls, 'time')}, on {count(len(runs), 'object')}"
        try:
            results = await self._request(
                "replay", spoken, name=name, method=method, runs=[list(run) for run in runs],
                args=list(args),
            )  # fmt: skip
        except AnswerRaised:
            results = []
            for run in runs:
                made = await self.new(name, *args)
                results.append([await made.call(method, item) for item in run])
        lists = [_list(each) for each in _list(results)]
        if [len(each) for each in lists] != [len(run) for run in runs]:
            raise self.nonsense(f"the results of {count(len(runs), 'run')} expected")
        return lists

    async def raises(
        self, kinds: str | Sequence[str], name: str, /, *args: Any, **kwargs: Any
    ) -> AnswerRaised:
        """Pass if the function raises one of these exceptions or a subclass; what it raised."""
        return await _expect_raise(
            kinds, self._call(None, name, args, kwargs), _spoken(name, args, kwargs)
        )

    def iterating(
        self, name: str, /, *args: Any
    ) -> AbstractAsyncContextManager[iterating.RemoteIterator]:
        """Call an async generator function, and take its items one by one. See `iterating`."""
        return iterating.iterating(self, name, args, _spoken(name, args, {}))

    def serving(
        self,
        name: str = "serve",
        /,
        *more: Any,
        link: Link | None = None,
        ready: float = 5.0,
        port: int | None = None,
    ) -> AbstractAsyncContextManager[peers.ServingPeer]:
        """Run its serve(host, port, stop, *more) and connect to it. See `peers.serving`.

        more: further arguments, plain data or stand-ins.
        """
        return peers.serving(peers.ServingPeer(self, link, name, more), ready, port)

    def serving_datagrams(
        self,
        name: str = "serve",
        /,
        *more: Any,
        link: Link | None = None,
        ready: float = 5.0,
        port: int | None = None,
    ) -> AbstractAsyncContextManager[datagrams.DatagramPeer]:
        """The same for a serve that receives datagrams. See `datagrams`."""
        return peers.serving(datagrams.DatagramPeer(self, link, name, more), ready, port)

    def port(
        self,
        name: str = "",
        *,
        link: Link | None = None,
        side: Literal["client", "server"] = "server",
        trace: Trace | None = None,
        at: tuple[str, int] = (peers.HOST, 0),
    ) -> datagrams.Port:
        """Open a UDP port that is closed when the check ends. See `datagrams`.

        name: what the ladder calls it, where there are several. link: stands in front of it, so
        that `address` is the link's. side: where it stands in the ladder. trace: the ports that
        share one are drawn in one ladder; by default all do. at: where it is bound, by default to
        a port that is free.
        """
        shared = self._datagrams if trace is None else trace
        port = datagrams.Port(self, side, name, shared, len(self._udp) + 1, link, at=at)
        self._udp.append(port)
        return port

    def handling(
        self,
        name: str = "handle",
        /,
        *,
        timeout: float = 5.0,
        link: Link | None = None,
        close: bool = True,
    ) -> AbstractAsyncContextManager[peers.HandlingPeer]:
        """Have the answer's handle(connection) called for each connection. See `peers.handling`."""
        return peers.handling(self, name, timeout, link, close)

    def facing(
        self, script: peers.Script, /, *, link: Link | None = None, grace: float = 1.0
    ) -> AbstractAsyncContextManager[tuple[str, int]]:
        """Be the server that the answer connects to. See `peers.facing`."""
        return peers.facing(self, script, link, grace)

    async def restart(self) -> None:
        """Go on in a fresh process that has only loaded the answer: it remembers nothing.

        The process before it is ended with all that it has open, and no call may wait for it.
        Objects and flags of it cannot be used any more.
        """
        assert self._renew is not None, "this answer has one process only"
        assert self._answer is not None
        assert not self._pending, "a call to the process before is not done"
        await self._detach()
        self._host = self._renew(self._host)
        self._ready = asyncio.get_running_loop().create_future()
        self._attach()
        await self.ready()
        await self.load(self._answer)

    @property
    def home(self) -> str:
        """The answer's private working folder, as it names it."""
        return self._host.home

    def exists(self, name: str) -> bool:
        """Whether there is anything of that name in that folder."""
        return files.exists(self._host.folder, name)

    def read(self, path: str, limit: int = _LARGEST) -> bytes | None:
        """The content of a file in that folder; None when there is nothing of that name.

        path: words with slashes between. Fails the check unless it is a regular file of at most
        `limit` bytes that can be read.
        """
        try:
            return files.read(self._host.folder, path, limit)
        except OSError as error:
            raise self._unfit(path, f"a file {path} that can be read", error) from None

    def listed(self, name: str) -> dict[str, int]:
        """What a folder in that folder holds: names, and the bytes of each file, -1 for all else.

        Fails the check unless there is such a folder.
        """
        try:
            return files.listed(self._host.folder, name)
        except OSError as error:
            raise self._unfit(name, f"a folder {name}", error) from None

    def put(self, path: str, data: bytes, size: int = 0) -> None:
        """Write a file into that folder, as if the answer had left it there.

        path: words with slashes between; folders on the way are made. size: bytes that it has at
        least; those behind the data are zeros that take no room on the disk.
        """
        try:
            self._host.put(path, data, size)
        except OSError as error:
            raise self._unfit(path, f"room for a file {path}", error) from None

    def link(self, path: str, target: str) -> None:
        """Make a symbolic link in that folder, as if the answer had left it there.

        target: a path as the answer names it. Windows permits this to few users.
        """
        try:
            self._host.link(path, target)
        except OSError as error:
            raise self._unfit(path, f"room for a link {path}", error) from None

    def _unfit(self, name: str, expected: str, error: OSError) -> Mismatch:
        said = f"what your answer left in its folder is not fit for a file {name}"
        return Mismatch(said, expected=expected, got=error.strerror or type(error).__name__)

    @property
    def output(self) -> str:
        """What the answer printed so far, at most 64 KiB."""
        return self._host.output()

    def open_sockets(self) -> list[OpenSocket]:
        """The TCP and UDP sockets that its processes have open, seen from outside."""
        with _in_sight():
            return self._host.open_sockets()

    def descriptors(self) -> int:
        """How many descriptors its processes have open, seen from outside."""
        return self.held().descriptors

    def held(self) -> Held:
        """How many descriptors, threads and processes it has, seen from outside."""
        with _in_sight():
            return self._host.held()

    def listens(self, port: int) -> bool:
        """Whether it listens on a TCP port, seen from outside."""
        with _in_sight():
            return self._host.listens(port)

    def memory(self) -> int:
        """The most bytes of main memory that its processes have had, seen from outside.

        Elsewhere than on Linux, what they have now. Compare a growth, and not two totals.
        """
        with _in_sight():
            return self._host.memory()

    def cpu_seconds(self) -> float:
        """The processor time that its processes used, in seconds, seen from outside."""
        return self._host.cpu_seconds()

    def ready_seconds(self) -> float:
        """How long its threads have run or been ready to, in seconds; where the system does not
        tell (it is Linux that does), the processor time."""
        return self._host.ready_seconds()

    # ---- what the judge uses ----

    @property
    def host(self) -> HostProcess:
        """The process that the answer runs in now."""
        return self._host

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[RemoteAnswer]:
        """Read from the host while the block runs."""
        self._attach()
        try:
            yield self
        finally:
            await self._detach()
            for port in self._udp:
                port.close()

    def _attach(self) -> None:
        host = self._host
        self._reader = asyncio.create_task(self._read())
        # The channel alone does not tell: a child of the answer may hold it open.
        host.when_ended(asyncio.get_running_loop(), lambda: self._noticed_end(host))

    async def _detach(self) -> None:
        assert self._reader is not None
        for task in (self._reader, *self._asks):
            task.cancel()
        await asyncio.gather(self._reader, *self._asks, return_exceptions=True)

    async def ready(self) -> None:
        """Wait until the process says that it is there."""
        await self._ready

    async def load(self, answer: Answer) -> list[str]:
        """Run the answer's source in its process; the names that it defines."""
        self._answer, self.elsewhere = answer, answer.elsewhere
        others = {other.slug: other.source for other in answer.others}
        names = await self._request("load", "", source=answer.source, others=others)
        return [_text(each) for each in _list(names)]

    async def where(self) -> list[dict[str, Any]]:
        """Which lines of the answer are running; empty when the host does not say within 2 s."""
        with contextlib.suppress(TimeoutError, HostGone, AnswerRaised, Mismatch):
            async with asyncio.timeout(2.0):
                places = await self._request("where", "")
                return [place for place in _list(places)[:_PLACES] if isinstance(place, dict)]
        return []

    async def alive(self) -> bool:
        """Whether the process still answers; a busy one that says nothing for 0.2 s counts."""
        try:
            async with asyncio.timeout(0.2):
                await self._request("ping", "")
        except TimeoutError:
            return self._gone is None
        except Exception:
            return self._gone is None
        return True

    @property
    def gone(self) -> HostGone | None:
        """How the process ended, if it did."""
        return self._gone

    # ---- requests ----

    async def _call(
        self,
        target: RemoteObject | None,
        name: str,
        args: Sequence[Any],
        kwargs: dict[str, Any],
        number: int | None = None,
    ) -> Any:
        spoken = _spoken(name if target is None else f"{target}.{name}", args, kwargs)
        self.did = f"called {spoken}"
        return await self._request(
            "call", spoken, object=None if target is None else target.number, name=name,
            args=list(args), kwargs=kwargs, keep=False, number=number,
        )  # fmt: skip

    async def _map(self, target: RemoteObject | None, name: str, items: Sequence[Any]) -> list[Any]:
        spoken = name if target is None else f"{target}.{name}"
        self.did = f"called {spoken}(...) {count(len(items), 'time')}"
        results = await self._request(
            "map", spoken, name=name, args=list(items),
            object=None if target is None else target.number,
        )  # fmt: skip
        if not isinstance(results, list) or len(results) != len(items):
            raise self.nonsense(f"{count(len(items), 'result')} expected")
        return results

    async def _request(self, op: str, spoken: str, number: int | None = None, **fields: Any) -> Any:
        number = self._next() if number is None else number
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[number] = reply
        self._spoken[number] = spoken
        try:
            await self._send({"op": op, "id": number, **fields})
            return await reply
        finally:
            del self._pending[number], self._spoken[number]

    async def _send(self, message: dict[str, Any]) -> None:
        if self._gone is not None:
            raise self._gone
        frame = wire.pack(message, refer=self._refer)
        async with self._sending:
            try:
                await asyncio.get_running_loop().sock_sendall(self._host.channel, frame)
            except OSError:
                raise await self._ended() from None

    def _next(self) -> int:
        self._numbers += 1
        return self._numbers

    def _refer(self, value: Any) -> list[Any] | None:
        if isinstance(value, StandIn):
            if value not in self._stand_ins:
                self._stand_ins.append(value)
                if isinstance(value, ScriptedSocket):
                    self.exchanges.append(value)
            number = self._stand_ins.index(value)
            if isinstance(value, Coroutine):
                return ["coroutine", number]
            return ["standin", number, type(value).__name__, list(value.exposed)]
        if isinstance(value, RemoteObject):
            return ["object", value.number]
        if isinstance(value, Flag):
            return ["flag", value.number]
        return None

    def _resolve(self, reference: list[Any]) -> Any:
        kind, number = reference
        if kind != "standin" or not isinstance(number, int):
            raise ValueError("an unknown reference")
        return self._stand_ins[number]

    # ---- what comes ----

    async def _read(self) -> None:
        try:
            while True:
                text, blobs = wire.sizes(await self._exactly(wire.HEADER.size))
                message = wire.unpack(
                    await self._exactly(text), await self._exactly(blobs), resolve=self._resolve
                )
                if not isinstance(message, dict):
                    raise wire.BadFrame("a message that is not a dict")
                self._take(message, text + blobs)
                await asyncio.sleep(0)  # frames without end must not hold up the checks' timers
        except (OSError, EOFError):
            self._fail_all(await self._ended())
        except (wire.BadFrame, IndexError, KeyError, TypeError, ValueError) as error:
            self.nonsense(str(error))

    def nonsense(self, why: str) -> HostGone:
        """End a process that says what no host says: its answer wrote to the checks' channel."""
        self._host.kill()
        self._fail_all(HostGone("nonsense", f"it wrote to the checks' own channel ({why})"))
        assert self._gone is not None
        return self._gone

    async def _exactly(self, size: int) -> bytearray:
        data = bytearray(size)
        view = memoryview(data)
        loop = asyncio.get_running_loop()
        at = 0
        while at < size:
            received = await loop.sock_recv_into(self._host.channel, view[at:])
            if not received:
                raise EOFError
            at += received
        return data

    def _take(self, message: dict[str, Any], size: int) -> None:
        op = message["op"]
        if op == "ready":
            if self._ready.done():
                raise wire.BadFrame("ready twice")
            missing = _list(message["missing"])
            self.missing_limits = [
                each for each in self._host.limits.resources() if each in missing
            ]
            self._ready.set_result(None)
        elif op == "ask":
            if len(self._asks) >= _ASKS:
                raise wire.BadFrame(f"more than {_ASKS} calls at once")
            if sum(self._asks.values()) + size > _ASKED:
                raise wire.BadFrame(f"calls of more than {_ASKED:,} bytes at once")
            if type(message["ask"]) is not int:
                raise wire.BadFrame("a call without a number")
            stand_in = self._stand_ins[message["standin"]]
            if isinstance(stand_in, Coroutine):
                if len(self._followed) >= _ASKS:
                    raise wire.BadFrame(f"more than {_ASKS} coroutines at once")
                self._followed[message["ask"]] = stand_in
                stand_in.begins()
            task = asyncio.create_task(self._asked(stand_in, message))
            self._asks[task] = size
            task.add_done_callback(self._asks.pop)
        elif op == "cancel":
            self._followed[message["ask"]].cancelled(message["left"] is True)
            if message["ask"] in self._runs:  # else it has ended meanwhile
                run = self._runs[message["ask"]]
                asyncio.get_running_loop().call_soon(run.cancel)  # behind its beginning
        elif op == "over":
            self._followed.pop(message["ask"]).over(message["left"] is True)
        elif op == "outcome":
            raised = message["raised"]
            self._outcomes[message["id"]](
                message["number"],
                None if raised is None else AnswerRaised(raised),
                message["value"],
            )
        else:
            self._settle(message)

    def _settle(self, message: dict[str, Any]) -> None:
        reply = self._pending.get(message["id"])
        if reply is None or reply.done():
            return  # nobody waits any more
        spoken = self._spoken[message["id"]]
        if message["op"] == "done":
            reply.set_result(message["value"])
        elif message["op"] == "raised":
            reply.set_exception(AnswerRaised(message))
        elif message["op"] == "refused":
            reply.set_exception(_refused(message, spoken))
        elif message["op"] == "missing":
            reply.set_exception(self._missing(message))
        else:
            raise wire.BadFrame(f"the message {show(message['op'])}")

    async def _asked(self, stand_in: StandIn, message: dict[str, Any]) -> None:
        """Call a stand-in's method for the answer and send back what came of it."""
        name = message["method"]
        raised: list[object] | None
        value = None
        if self.failure is not None:  # what is told of the check ends with its failure
            raised = _ENDED
        elif name not in stand_in.exposed:
            raised = ["AttributeError", [f"{stand_in} has no {show(name)}"]]
        else:
            method = getattr(stand_in, name)
            if isinstance(stand_in, Coroutine):
                method = partial(self._ran, stand_in, message["ask"])
            raised, value = await self._performed(method, message)
        run = self._runs.pop(message["ask"], None)
        told = run is not None and run.cancelling() > 0  # that it is cancelled
        reply = {"op": "reply", "ask": message["ask"], "told": told}
        with contextlib.suppress(HostGone):
            try:
                await self._send(reply | ({"raised": raised} if raised else {"value": value}))
            except wire.NotPlain as bug:
                await self._send(reply | {"raised": self._broken_by(bug)})

    async def _performed(
        self, method: Callable[..., Any], message: dict[str, Any]
    ) -> tuple[list[object] | None, Any]:
        try:
            value = method(*_list(message["args"]), **message["kwargs"])
            if isinstance(value, Awaitable):
                value = await value
            return None, value
        except Mismatch as mismatch:
            return self._broken_by(mismatch), None
        except _RunCancelled:
            return ["CancelledError", []], None
        except Exception as error:
            try:
                return crossing(error), None
            except TypeError as bug:
                return self._broken_by(bug), None

    async def _ran(self, stand_in: Coroutine, ask: int) -> object:
        """Run a coroutine stand-in in a task that its coroutine in the answer can cancel."""
        run = asyncio.ensure_future(stand_in.run())
        self._runs[ask] = run
        try:
            await asyncio.wait([run])
        finally:
            run.cancel()
        if run.cancelled():
            raise _RunCancelled
        return run.result()

    def _broken_by(self, failure: Exception) -> list[object]:
        """End the check because of what a stand-in found or did; what to raise in the answer."""
        self.fail(failure)
        return _ENDED

    def fail(self, failure: Exception) -> None:
        """Fail the check even if its own code goes on, and end what waits for the answer."""
        self.failure = self.failure or failure
        self._fail_all(failure)

    # ---- ends ----

    def _noticed_end(self, host: HostProcess) -> None:
        if self._gone is None and host is self._host:
            self._fail_all(self._how_it_ended())

    async def _ended(self) -> HostGone:
        """The reason why the channel broke; waits a moment for the process to end."""
        if self._gone is not None:
            return self._gone
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                await self.ended.wait()
        return self._gone or self._how_it_ended()

    def _how_it_ended(self) -> HostGone:
        if self._host.exceeded:
            return HostGone("limit", self._host.exceeded)
        if not self._host.ended:
            return HostGone("nonsense", "it closed the checks' own channel")
        ending = self._host.ending()
        return HostGone("exit" if ending.startswith("exit") else "signal", ending)

    def _fail_all(self, reason: Exception) -> None:
        if isinstance(reason, HostGone) and self._gone is None:
            self._gone = reason
            self.ended.set()
        waiting: list[asyncio.Future[Any]] = [self._ready, *self._pending.values()]
        for each in waiting:
            if not each.done():
                each.set_exception(reason)

    def _missing(self, message: dict[str, Any]) -> Mismatch:
        name = _text(message["what"])
        names = [_text(each) for each in _list(message["names"])]
        if name in names:
            said = f"`{name}` is not something that can be called"
        elif name in self.elsewhere:
            said = (
                f"`{name}` is defined in another cell; the answer must stand alone, so define it "
                "in the answer cell"
            )
        else:
            said = f"your answer does not define `{name}`"
        defined = ", ".join(names) if names else "nothing"
        return Mismatch(said, expected=f"a definition of {name}", got=f"it defines {defined}")


class _RunCancelled(Exception):
    """The `run` of a coroutine stand-in ended with CancelledError, as the answer asked."""


async def _expect_raise(
    kinds: str | Sequence[str], call: Awaitable[Any], spoken: str
) -> AnswerRaised:
    wanted = (kinds,) if isinstance(kinds, str) else tuple(kinds)
    expected = " or ".join(wanted)
    try:
        value = await call
    except AnswerRaised as raised:
        if set(wanted) & set(raised.kinds):
            return raised
        mismatch = Mismatch(
            f"`{spoken}` raises {raised.kind}, not {expected}",
            did=f"called {spoken}",
            expected=f"{expected} is raised",
            got=str(raised),
        )
        mismatch.notes.append(f"In your answer:\n{raised.traceback}")
        raise mismatch from None
    raise Mismatch(
        f"`{spoken}` raises nothing",
        did=f"called {spoken}",
        expected=f"{expected} is raised",
        got=f"it returned {show(value)}",
    )


def _refused(message: dict[str, Any], spoken: str) -> Mismatch:
    kind = _text(message["kind"])
    where = _text(message["where"])
    article = "an" if kind[:1].lower() in "aeiou" else "a"
    tip = "; bytes(...) makes bytes of it" if kind in ("bytearray", "memoryview") else ""
    return Mismatch(
        "your answer returned something that cannot be handed to the checks",
        did=f"called {spoken}",
        expected=f"plain data: {PLAIN}",
        got=f"{article} {kind}{' at ' + where if where else ''}{_text(message['why'])}{tip}",
    )


def _spoken(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> str:
    """A call as it is written in feedback."""
    words = [show(arg, 40) for arg in args]
    words += [f"{key}={show(value, 40)}" for key, value in kwargs.items()]
    return f"{name}({', '.join(words)})"


@contextlib.contextmanager
def _in_sight() -> Iterator[None]:
    """A process can refuse to be looked at (prctl(2), PR_SET_DUMPABLE): then nothing is known."""
    try:
        yield
    except psutil.AccessDenied:
        raise Mismatch(
            "your answer hides what it has open",
            expected="a process whose sockets and descriptors can be seen",
            got="the system refuses to show them",
        ) from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
