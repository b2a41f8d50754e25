"""Waits the base before each further try, without dice.

refused by: one failure is no outage
misconception:
"""

import asyncio
import json
from functools import partial

from answers import checker, gather
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

PASSING = {"refused", "broken", "slow"}


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
    budget.earn()
    for number in range(policy["tries"]):
        try:
            report = await checker.check(service["url"], policy["timeout"])
        except Exception as error:
            return {"verdict": "error", "why": repr(error)}
        passes = report["verdict"] in PASSING or report["status"] in {429, 502, 503, 504}
        if not passes or number + 1 == policy["tries"] or not budget.spend():
            break
        await clock.sleep(policy["base"])
    return report


async def watch(board, services, policy, clock, rng):
    budget = Budget(policy["calls"], policy["most"])
    probes = [partial(probe, each, policy, clock, rng, budget) for each in services]
    while True:
        reports = await gather.gather_bounded(policy["at_once"], probes, None)
        board.put(reports, clock.now())
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
