"""Takes `since` from the system's clock.

refused by: a page, a document and a stream, a bad day is told as it was
misconception:
"""

import asyncio
import json
import time
from functools import partial

from answers import checker, gather, retry
from answers.retry.budget import Budget
from tornado.iostream import StreamClosedError
from tornado.web import Application, RequestHandler

PAGE = """\
<!doctype html>
<meta charset="utf-8">
<title>monitor</title>
<pre id="services"></pre>
<script>
  new EventSource("events").onmessage = ({ data }) =>
    document.getElementById("services").textContent = JSON.stringify(JSON.parse(data), null, 2)
</script>
"""

PASSING = {
    "refused": ConnectionRefusedError,
    "broken": ConnectionResetError,
    "slow": TimeoutError,
}


class Board:
    """What the last round has found; `changed` is set when there is something newer."""

    def __init__(self, services):
        unknown = {"state": "unknown", "since": None, "verdict": None, "why": ""}
        self.number = 0
        self.entries = [{"name": each["name"], **unknown} for each in services]
        self.changed = asyncio.Event()

    def put(self, reports, now):
        for entry, report in zip(self.entries, reports):
            state = "up" if report["verdict"] == "healthy" else "down"
            if state != entry["state"]:
                entry.update(state=state, since=now)
            entry.update(verdict=report["verdict"], why=report["why"])
        self.number += 1
        self.changed.set()
        self.changed = asyncio.Event()

    def document(self):
        return json.dumps({"round": self.number, "services": self.entries})


async def probe(service, policy, clock, rng, budget):
    report = {}

    async def send(request, timeout):
        report.update(await checker.check(request["target"], timeout))
        if report["verdict"] in PASSING:
            raise PASSING[report["verdict"]](report["why"])
        return {"status": report["status"], "headers": {}}

    request = {"method": "GET", "target": service["url"], "headers": {}}
    try:
        await retry.call(send, request, policy, clock, rng, budget)
    except tuple(PASSING.values()):
        pass
    except Exception as error:
        return {"verdict": "error", "why": repr(error)}
    return report


async def watch(board, services, policy, clock, rng):
    budget = Budget(policy["calls"], policy["most"])
    probes = [partial(probe, each, policy, clock, rng, budget) for each in services]
    while True:
        reports = await gather.gather_bounded(policy["at_once"], probes, None)
        board.put(reports, time.time())
        await clock.sleep(policy["every"])


class Page(RequestHandler):
    def get(self):
        self.write(PAGE)


class Status(RequestHandler):
    def initialize(self, board):
        self.board = board

    def get(self):
        self.set_header("Content-Type", "application/json")
        self.write(self.board.document())


class Events(RequestHandler):
    def initialize(self, board, viewers):
        self.board, self.viewers = board, viewers

    async def get(self):
        task = asyncio.current_task()
        self.viewers.add(task)
        task.add_done_callback(self.viewers.discard)
        self.set_header("Content-Type", "text/event-stream")
        while True:
            changed = self.board.changed
            self.write(f"data: {self.board.document()}\n\n")
            try:
                await self.flush()
            except StreamClosedError:
                return
            await changed.wait()


async def serve(host, port, stop, services, policy, clock, rng):
    board, viewers = Board(services), set()
    server = Application(
        [
            ("/", Page),
            ("/status", Status, {"board": board}),
            ("/events", Events, {"board": board, "viewers": viewers}),
        ]
    ).listen(port, host)
    watching = asyncio.create_task(watch(board, services, policy, clock, rng))
    await stop.wait()
    server.stop()
    await server.close_all_connections()
    ending = [watching, *viewers]
    for each in ending:
        each.cancel()
    await asyncio.gather(*ending, return_exceptions=True)
