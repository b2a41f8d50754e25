"""A class for each service, with a loop of its own for the tries; each viewer has an event."""

import asyncio
import json

from answers import checker
from answers.retry.budget import Budget
from tornado.httpserver import HTTPServer
from tornado.iostream import StreamClosedError
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

PAGE = b"""\
<!doctype html>
<html lang="en">
<title>monitor</title>
<ul></ul>
<script>
  const events = new EventSource("/events")
  events.addEventListener("message", event => {
    const items = JSON.parse(event.data).services.map(({ name, state }) => {
      const item = document.createElement("li")
      item.textContent = `${name}: ${state}`
      return item
    })
    document.querySelector("ul").replaceChildren(...items)
  })
</script>
"""
NO_ANSWER = {"refused", "broken", "slow"}
BUSY = {429, 502, 503, 504}


class Service:
    """A service, how to ask it, and what is known of it."""

    def __init__(self, name, url):
        self.name, self.url = name, url
        self.state, self.since = "unknown", None
        self.verdict, self.why = None, ""
        self.found = None

    async def ask(self, means):
        try:
            self.found = await self.tries(means)
        except Exception as error:
            self.found = "error", repr(error)

    async def tries(self, means):
        policy, clock = means.policy, means.clock
        means.budget.earn()
        ends = clock.now() + policy["deadline"]
        bound = policy["base"]
        left = policy["tries"]
        while True:
            seconds = min(policy["timeout"], ends - clock.now())
            report = await checker.check(self.url, seconds)
            found = report["verdict"], report["why"]
            left -= 1
            if report["verdict"] not in NO_ANSWER and report["status"] not in BUSY:
                return found
            wait = means.rng.random() * min(bound, policy["cap"])
            if not left or clock.now() + wait >= ends or not means.budget.spend():
                return found
            await clock.sleep(wait)
            bound *= 2
            if clock.now() >= ends:
                return found

    def settle(self, now):
        """Take what was found as what is known."""
        self.verdict, self.why = self.found
        before, self.state = self.state, "up" if self.verdict == "healthy" else "down"
        if before != self.state:
            self.since = now


class Monitor:
    """All services, and the document that was made of them last."""

    def __init__(self, services, policy, clock, rng):
        self.services = [Service(each["name"], each["url"]) for each in services]
        self.policy, self.clock, self.rng = policy, clock, rng
        self.budget = Budget(policy["calls"], policy["most"])
        self.rounds = 0
        self.viewers = set()
        self.document = self.told()

    def told(self):
        members = ("name", "state", "since", "verdict", "why")
        entries = [{each: getattr(one, each) for each in members} for one in self.services]
        return json.dumps({"services": entries, "round": self.rounds}).encode()

    async def run(self):
        while True:
            waiting = self.services[:]
            await asyncio.gather(*[self.work(waiting) for _ in range(self.policy["at_once"])])
            now = self.clock.now()
            for service in self.services:
                service.settle(now)
            self.rounds += 1
            self.document = self.told()
            for viewer in self.viewers:
                viewer.fresh.set()
            await self.clock.sleep(self.policy["every"])

    async def work(self, waiting):
        while waiting:
            await waiting.pop().ask(self)


class Handler(RequestHandler):
    def initialize(self, monitor):
        self.monitor = monitor


class Page(Handler):
    def get(self):
        self.write(PAGE)


class Status(Handler):
    def get(self):
        self.write(json.loads(self.monitor.document))


class Events(Handler):
    def prepare(self):
        self.fresh = asyncio.Event()
        self.gone = False

    def on_connection_close(self):
        self.gone = True
        self.fresh.set()

    async def get(self):
        self.monitor.viewers.add(self)
        self.task = asyncio.current_task()
        self.set_header("Content-Type", "text/event-stream")
        try:
            while not self.gone:
                self.fresh.clear()
                self.write(b"data:" + self.monitor.document + b"\n\n")
                await self.flush()
                await self.fresh.wait()
        except StreamClosedError:
            pass
        finally:
            self.monitor.viewers.discard(self)


async def serve(host, port, stop, services, policy, clock, rng):
    monitor = Monitor(services, policy, clock, rng)
    routes = [(path, kind, {"monitor": monitor}) for path, kind in PATHS.items()]
    server = HTTPServer(Application(routes))
    server.add_sockets(bind_sockets(port, host))
    running = asyncio.ensure_future(monitor.run())
    try:
        await stop.wait()
    finally:
        server.stop()
        ending = [running, *[viewer.task for viewer in monitor.viewers]]
        for task in ending:
            task.cancel()
        await asyncio.wait(ending)
        await server.close_all_connections()


PATHS = {"/": Page, "/status": Status, "/events": Events}
