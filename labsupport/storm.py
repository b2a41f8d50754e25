"""A storm of retries: many calls against one service of limited capacity, on real sockets.

    async def call(send, clock, rng):
        response = await send(1.0)
        if response.status_code == 503:
            await clock.sleep(rng.uniform(0, 1))
            response = await send(1.0)
        return response

    seen = storm.run(call, [0.0] * 200, capacity=20, room=20)
    print(len(seen.tries), seen.good(0, 10), seen.wasted)

What a call does is the caller's to write: how often it tries, and how long it waits. Here are the
service, the connections and the notes of what came to pass.

*The service* works on one request after the other, in the order in which they came, and each takes
it 1 / `capacity` seconds. It does not look whether the client still waits, so it also works for
those who have given up: that is what keeps it down when its queue has become longer than their
patience. It can be told to do better: to refuse with 503 what it has no `room` for, or to leave out
what is too late by the `Timeout` that a request carries (`heeds_timeouts`).

*A try* is one HTTP request on a connection of its own, over loopback. Who gives up closes it.

*The clock is simulated.* A storm of a minute takes a second, and a busy machine changes nothing.
The loop on which all this runs looks for what is ready; when nothing is, its clock leaps to the
next moment for which something is due. Bytes take no time on this clock: while any are under way,
from the connect to the read at the other end, the clock stands still, however long the machine
takes to carry them. With `real=True` the same storm runs on the machine's own clock.

The loop runs in a thread of its own, so that a notebook can call `run` in a cell.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from labsupport.load import more_descriptors

__all__ = ["Call", "Calling", "Clock", "Response", "Seen", "Send", "Try", "run"]

MOST = 20_000  # calls in one storm
_LOST = 30.0  # real seconds after which bytes that were sent are taken for lost
_STEP = 1e-6  # seconds that a leap goes too far, so that rounding does not end it too early
_END = b"\r\n\r\n"
_ANSWER = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Response:
    """What the service answered, by the names that HTTPX has for it."""

    status_code: int
    headers: Mapping[str, str] = field(default_factory=dict)


Send = Callable[[float], Awaitable[Response]]


class Clock(Protocol):
    """The storm's time: seconds since its beginning."""

    def now(self) -> float:
        """Seconds since the storm began."""

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed."""


Calling = Callable[[Send, Clock, random.Random], Awaitable[Response]]


@dataclass(slots=True)
class Try:
    """One request. Moments are seconds since the storm began.

    call: the number of the call that it belongs to. sent: when it went out. arrived: when the
        service had read it; None: it never did. worked: whether the service did the work.
    ended: when the client had its answer, or gave up. status: of the answer; 0: it gave up.
    """

    call: int
    sent: float
    arrived: float | None = None
    worked: bool = False
    ended: float | None = None
    status: int = 0


@dataclass(slots=True)
class Call:
    """One call: when it was due and ended, and with which status; 0: without an answer."""

    due: float
    ended: float | None = None
    status: int = 0


@dataclass(slots=True)
class Seen:
    """What came to pass in a storm: its calls as they were due, its tries as they were sent."""

    calls: list[Call]
    tries: list[Try] = field(default_factory=list)

    def good(self, begin: float, end: float) -> int:
        """How many calls ended with 200 between two moments: the goodput, as a number."""
        return sum(
            call.status == 200 and call.ended is not None and begin <= call.ended < end
            for call in self.calls
        )

    def arrivals(self) -> list[float]:
        """When each request came to the service, in order."""
        return sorted(each.arrived for each in self.tries if each.arrived is not None)

    @property
    def wasted(self) -> int:
        """How many requests the service worked on for a client that had given up."""
        return sum(each.worked and each.status != 200 for each in self.tries)


def run(
    call: Calling,
    due: Sequence[float],
    *,
    capacity: float,
    room: int | None = None,
    heeds_timeouts: bool = False,
    pause: tuple[float, float] | None = None,
    until: float | None = None,
    seed: int = 0,
    real: bool = False,
) -> Seen:
    """Make a call at each of the moments, and return what was seen.

    call: `await call(send, clock, rng)` makes one call and returns its response. `await
        send(timeout)` makes a try, which returns a response or raises TimeoutError after so many
        seconds; `clock` has `now()` and `await sleep(seconds)`; `rng` is a random.Random of this
        call's own. A call that raises an OSError, as TimeoutError is one, ends without an answer.
    due: when calls begin, in seconds from the beginning of the storm.
    capacity: requests a second that the service can work on.
    room: how many requests may wait at the service; the next one gets 503 at once. None: all may.
    heeds_timeouts: the service leaves out a request that it could not end in its client's time.
    pause: from when to when, in seconds, the service begins no work.
    until: when the storm ends, in seconds, if its calls have not ended before; they are broken off
        then. None: it ends with the last call.
    seed: of the calls' chance. real: whether it runs on the machine's own clock.

    Raises ValueError for a capacity that is not above 0, and for no calls or more than 20,000;
    RuntimeError when bytes do not arrive; and what `call` raises that is no OSError.
    """
    if not 0 < len(due) <= MOST:
        raise ValueError(f"a storm has 1 to {MOST:,} calls; {len(due):,} were given")
    if capacity <= 0:
        raise ValueError(f"capacity={capacity:g}: the service works on more than 0 a second")
    more_descriptors()
    seen = Seen([Call(each) for each in due])
    service = _Service(seen, 1 / capacity, room, heeds_timeouts, pause or (0.0, 0.0))
    make = asyncio.SelectorEventLoop if real else lambda: _Leaping(service.under_way)

    def blow() -> None:
        with asyncio.Runner(loop_factory=make) as runner:
            runner.run(_blow(service, call, until, seed))

    with ThreadPoolExecutor(1, "storm") as thread:
        thread.submit(blow).result()
    return seen


async def _blow(service: _Service, call: Calling, until: float | None, seed: int) -> None:
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: _Served(service), "127.0.0.1", 0, backlog=1024)
    address = listener.sockets[0].getsockname()
    clock = service.clock = _Clock(loop)
    working = asyncio.create_task(service.work())
    calls = [
        asyncio.create_task(_call(service, address, call, clock, number, seed))
        for number in range(len(service.seen.calls))
    ]
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(until):
                await asyncio.gather(*calls)
        if working.done():
            working.result()
    finally:
        service.under_way.over = True
        for task in (working, *calls):
            task.cancel()
        await asyncio.gather(working, *calls, return_exceptions=True)
        listener.close()


async def _call(
    service: _Service,
    address: tuple[str, int],
    call: Calling,
    clock: _Clock,
    number: int,
    seed: int,
) -> None:
    own = service.seen.calls[number]

    async def send(timeout: float) -> Response:
        return await _try(service, address, clock, number, timeout)

    await clock.sleep(own.due - clock.now())
    with suppress(OSError):
        response = await call(send, clock, random.Random(f"{seed}-{number}"))
        own.status = response.status_code
    own.ended = clock.now()


async def _try(
    service: _Service, address: tuple[str, int], clock: _Clock, call: int, timeout: float
) -> Response:
    tries, under_way = service.seen.tries, service.under_way
    number, own = len(tries), Try(call, clock.now())
    tries.append(own)
    transport: Any = None
    under_way.add("request", number)
    try:
        async with asyncio.timeout(timeout):
            asking = _Asking(under_way, number)
            transport, _ = await asyncio.get_running_loop().create_connection(
                lambda: asking, *address
            )
            transport.write(
                b"GET / HTTP/1.1\r\nHost: storm\r\nTry: %d\r\nTimeout: %g" % (number, timeout)
                + _END
            )
            own.status = await asking.answer
            return Response(own.status)
    finally:
        own.ended = clock.now()
        if transport is None:
            under_way.arrived("request", number)  # it never will
        else:
            if number in service.connected:
                under_way.add("end", number)
            transport.close()


class _Clock:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._begun = loop.time()

    def now(self) -> float:
        return self._loop.time() - self._begun

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


# -- the two ends of a connection


class _Asking(asyncio.Protocol):
    """The client's end of one try."""

    def __init__(self, under_way: _UnderWay, number: int) -> None:
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._under_way, self._number, self._read = under_way, number, b""

    def data_received(self, data: bytes) -> None:
        self._read += data
        if _END in self._read and not self.answer.done():
            self._under_way.arrived("answer", self._number)
            self.answer.set_result(int(self._read.split()[1]))

    def connection_lost(self, error: Exception | None) -> None:
        self._under_way.arrived("answer", self._number)
        if not self.answer.done():
            self.answer.set_exception(error or ConnectionError("closed without an answer"))
            self.answer.exception()  # a try that was broken off asks for it no more


class _Served(asyncio.Protocol):
    """The service's end of one try."""

    def __init__(self, service: _Service) -> None:
        self._service, self._read = service, b""
        self._transport: Any = None
        self.number = -1
        self.too_late = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        if _END in self._read and self.number < 0:
            words = self._read.split()
            self.number = int(words[words.index(b"Try:") + 1])
            timeout = float(words[words.index(b"Timeout:") + 1])
            self._service.came(self, timeout)

    def connection_lost(self, error: Exception | None) -> None:
        self._service.connected.discard(self.number)
        self._service.under_way.arrived("end", self.number)

    def finish(self, status: bytes) -> None:
        """Answer, and close."""
        if not self._transport.is_closing():
            self._service.under_way.add("answer", self.number)
            self._transport.write(_ANSWER % status)
            self._transport.close()


class _Service:
    """One queue, and one request at a time."""

    clock: _Clock

    def __init__(
        self,
        seen: Seen,
        takes: float,
        room: int | None,
        heeds_timeouts: bool,
        pause: tuple[float, float],
    ) -> None:
        self.seen, self.under_way = seen, _UnderWay()
        self.connected: set[int] = set()  # tries whose connection it has not lost
        self._takes, self._room, self._heeds, self._pause = takes, room, heeds_timeouts, pause
        self._queue: asyncio.Queue[_Served] = asyncio.Queue()
        self._free = 0.0

    def came(self, served: _Served, timeout: float) -> None:
        """Take in a request, or refuse it."""
        now = self.clock.now()
        self.under_way.arrived("request", served.number)
        self.connected.add(served.number)
        self.seen.tries[served.number].arrived = now
        served.too_late = now + timeout
        if self._room is not None and self._queue.qsize() >= self._room:
            served.finish(b"503 Service Unavailable")
        else:
            self._queue.put_nowait(served)

    async def work(self) -> None:
        """One request after the other. Work that a busy machine begins late ends on time."""
        while True:
            served = await self._queue.get()
            now = self.clock.now()
            begin, end = self._pause
            if begin <= now < end:
                await asyncio.sleep(end - now)
                now = self._free = self.clock.now()
            arrived = self.seen.tries[served.number].arrived or 0.0
            ends = max(self._free, arrived) + self._takes
            if self._heeds and ends > served.too_late:
                continue
            self._free = ends
            await asyncio.sleep(ends - now)
            self.seen.tries[served.number].worked = True
            served.finish(b"200 OK")


# -- the clock that leaps


class _UnderWay:
    """What was sent, and has not been read at the other end."""

    def __init__(self) -> None:
        self._what: set[tuple[str, int]] = set()
        self.over = False  # the storm: what is still under way need not arrive

    def __bool__(self) -> bool:
        return bool(self._what) and not self.over

    def add(self, what: str, number: int) -> None:
        self._what.add((what, number))

    def arrived(self, what: str, number: int) -> None:
        self._what.discard((what, number))


class _Leaping(asyncio.SelectorEventLoop):
    """An event loop whose clock leaps to what is due next when nothing is ready."""

    def __init__(self, under_way: _UnderWay) -> None:
        self._selector_that_leaps = _Selector(under_way)
        super().__init__(self._selector_that_leaps)

    def time(self) -> float:
        return self._selector_that_leaps.now


class _Selector(selectors.DefaultSelector):
    """It does not wait for time to pass: it lets it pass, unless something is under way."""

    def __init__(self, under_way: _UnderWay) -> None:
        super().__init__()
        self.now = 0.0
        self._under_way = under_way

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._under_way:
            ready = super().select(0 if timeout is not None and timeout <= 0 else _LOST)
            if not ready and (timeout is None or timeout > 0):
                raise RuntimeError("bytes that were sent over loopback have not arrived")
            return ready
        ready = super().select(0 if timeout is not None else None)
        if not ready and timeout is not None and timeout > 0:
            self.now += timeout + _STEP
        return ready
