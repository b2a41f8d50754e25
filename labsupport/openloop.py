"""Requests that come when they are due, whether or not those before them have been answered.

    found = openloop.offer(server.url, {"/report": 20, "/health": 10}, seconds=3)
    slowest = max(each.latency for each in found if each.path == "/health")

Users do not wait for each other. A client that sends its next request when it has the last answer
(a closed loop) sends few while the server is slow, and so measures few of the slow answers; what
it leaves out depends on what it measures (coordinated omission, Gil Tene, "How NOT to Measure
Latency", 2013). Here requests are due at a fixed rate, each goes out at its time on whatever
connection is free or a new one, and its latency begins when it was due. A client that was itself
late is seen in `late`.

The client runs in a process of its own, so that it shares an interpreter with no server.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from labsupport.clock import Deadline, now

__all__ = ["Asked", "offer"]

MOST = 20_000  # requests in one call
_GRACE = 20.0  # seconds for the child to start and to end


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. Times are seconds since the first one was due.

    due, sent, answered: when it was to go out, when it went, when the last byte of the answer came
        or it failed. status: of the answer; 0 when none came, and `error` says why.
    """

    path: str
    due: float
    sent: float
    answered: float
    status: int
    error: str = ""

    @property
    def latency(self) -> float:
        """What a user waited, in seconds: from the moment when the request was due."""
        return self.answered - self.due

    @property
    def late(self) -> float:
        """How much later than due it was sent, in seconds: the client's own fault."""
        return self.sent - self.due


def offer(
    url: str, rates: Mapping[str, float], *, seconds: float, timeout: float = 10.0
) -> list[Asked]:
    """GET each path at its rate for so long, and return all requests in the order they were due.

    url: of the server, as "http://127.0.0.1:8080". rates: requests a second for each path.
    seconds: for how long requests are sent; answers are waited for after that. timeout: for
        connecting, and for each read (httpx), in seconds.
    Raises ValueError for rates that make none or more than 20,000 requests, and RuntimeError when
    the client's process ends without a result, or has none long after the last request was due.
    """
    number = sum(int(rate * seconds) for rate in rates.values())
    if not 0 < number <= MOST or min(rates.values()) < 0:
        raise ValueError(
            f"{dict(rates)} for {seconds:g} s are {number:,} requests; this client sends 1 to "
            f"{MOST:,} of them"
        )
    order = {"url": url, "rates": dict(rates), "seconds": seconds, "timeout": timeout}
    bound = seconds + 4 * timeout + _GRACE
    try:
        child = subprocess.run(
            [sys.executable, "-m", "labsupport.openloop", json.dumps(order)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=bound,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(
            f"the client's process had no result after {bound:g} s: an answer does not end"
        ) from None
    if child.returncode:
        said = child.stderr.strip().splitlines()[-1:] or [f"exit status {child.returncode}"]
        raise RuntimeError(f"the client's process ended without a result: {said[0]}")
    return [Asked(**each) for each in json.loads(child.stdout)]


async def _offered(order: dict[str, Any]) -> list[Asked]:
    import httpx

    due = sorted(
        (number / rate, path)
        for path, rate in order["rates"].items()
        for number in range(int(rate * order["seconds"]))
    )
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(
        base_url=order["url"], limits=limits, timeout=order["timeout"], trust_env=False
    ) as client:
        begun = now()

        async def ask(when: float, path: str) -> Asked:
            sent = now() - begun
            try:
                status, error = (await client.get(path)).status_code, ""
            except httpx.HTTPError as failed:
                status, error = 0, f"{type(failed).__name__}: {failed}".rstrip(": ")
            return Asked(path, when, sent, now() - begun, status, error)

        asked = []
        async with asyncio.TaskGroup() as group:
            for when, path in due:
                await asyncio.sleep(Deadline(begun + when - now()).left())
                asked.append(group.create_task(ask(when, path)))
    return [task.result() for task in asked]


if __name__ == "__main__":
    print(json.dumps([asdict(each) for each in asyncio.run(_offered(json.loads(sys.argv[1])))]))
