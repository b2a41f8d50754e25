"""What an HTTPX client does during a request, phase by phase, as its connection pool tells it.

    recorded = phases.record(client)
    client.get(url)
    recorded.spans()     # for pictures.gantt: one row for each request
    recorded.pool()      # how many connections were in use, and how many requests waited

HTTPX hands a request's extension "trace" to httpcore, which calls it at the beginning and the end
of each step (https://www.python-httpx.org/advanced/extensions/#trace). `record` adds a hook that
gives every request of a client one. A request's phases:

    pool      until it has a connection of the pool, or may open one
    connect   the TCP connection, with the look-up of its name: httpcore does not tell them apart
    TLS       the handshake
    send      the head and the body of the request
    wait      until the head of the response has come
    read      the body of the response, as fast as the program takes it

A connection is in use from the end of "pool" until the response is closed. What a hook cannot see
is a request that ends before it has a connection (PoolTimeout): its "pool" lasts as long as the
record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from inspect import iscoroutinefunction
from typing import Any

from labsupport.clock import now

__all__ = ["PHASES", "Recorded", "Request", "record"]

PHASES = ("pool", "connect", "TLS", "send", "wait", "read")
"""All phases in their order: the `kinds` of `pictures.gantt`, so that each looks alike."""

_STEPS = {
    "connect_tcp": "connect",
    "start_tls": "TLS",
    "send_request_headers": "send",
    "send_request_body": "send",
    "receive_response_headers": "wait",
    "receive_response_body": "read",
}

Span = tuple[str, str, float, float]


@dataclass
class Request:
    """One request. Moments are seconds on the clock of `clock.now`; None: it has not come.

    name: its number, method and path. phases: (phase, begin, end) in their order.
    """

    name: str
    begun: float
    connected: float | None = None
    closed: float | None = None
    phases: list[tuple[str, float, float]] = field(default_factory=list)
    _started: dict[str, float] = field(default_factory=dict)

    def _heard(self, event: str) -> None:
        """One event of httpcore, such as "http11.send_request_headers.started"."""
        moment = now()
        _, step, state = event.rsplit(".", 2)
        if self.connected is None:
            self.connected = moment
            self.phases.append(("pool", self.begun, moment))
        if state == "started":
            self._started[step] = moment
            return
        if step == "response_closed":
            self.closed = moment
        elif step in _STEPS:
            self._add(_STEPS[step], self._started[step], moment)

    def _add(self, phase: str, begin: float, end: float) -> None:
        if self.phases[-1][0] == phase:
            begin = self.phases.pop()[1]
        self.phases.append((phase, begin, end))


class Recorded:
    """The requests of a client, in the order in which they began."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def __len__(self) -> int:
        return len(self.requests)

    def __getitem__(self, number: int) -> Request:
        return self.requests[number]

    def spans(self) -> list[Span]:
        """(request, phase, begin, end) for each phase of each request: what `gantt` draws."""
        end = self._end()
        spans = []
        for request in self.requests:
            if request.connected is None:
                spans.append((request.name, "pool", request.begun, end))
            spans += [(request.name, *phase) for phase in request.phases]
        return spans

    def pool(self) -> list[tuple[float, int, int]]:
        """(moment, connections in use, requests that wait for one) whenever that changed.

        Moments are seconds since the first request began.
        """
        changes = []
        for request in self.requests:
            changes.append((request.begun, 0, 1))
            if request.connected is not None:
                changes.append((request.connected, 1, -1))
            if request.closed is not None:
                changes.append((request.closed, -1, 0))
        in_use = waiting = 0
        states = []
        for moment, used, waits in sorted(changes):
            in_use, waiting = in_use + used, waiting + waits
            states.append((moment - self.requests[0].begun, in_use, waiting))
        return states

    def _end(self) -> float:
        moments = [request.begun for request in self.requests]
        moments += [end for request in self.requests for _, _, end in request.phases]
        return max(moments)

    def _begins(self, request: Any) -> Request:
        path = request.url.raw_path.decode("ascii")
        recorded = Request(f"{len(self.requests) + 1} {request.method} {path}", now())
        self.requests.append(recorded)
        return recorded


def record(*clients: Any) -> Recorded:
    """Record what these do from now on, each an httpx.Client or an httpx.AsyncClient.

    A request that is redirected is recorded as one request for each place it is sent to.
    """
    recorded = Recorded()

    def begins(request: Any) -> None:
        heard = recorded._begins(request)._heard
        request.extensions["trace"] = lambda event, _: heard(event)

    async def begins_async(request: Any) -> None:
        heard = recorded._begins(request)._heard

        async def trace(event: str, _: dict[str, Any]) -> None:
            heard(event)

        request.extensions["trace"] = trace

    for client in clients:
        hooks = client.event_hooks
        hooks["request"].append(begins_async if iscoroutinefunction(client.send) else begins)
        client.event_hooks = hooks
    return recorded
