"""A semaphore and a group of tasks ask; viewers wait for a condition, and know what they have seen."""

import asyncio
import json
from contextlib import suppress

from answers import checker, retry
from answers.retry.budget import Budget
from tornado.iostream import StreamClosedError
from tornado.web import Application, RequestHandler

PAGE = """\
<!doctype html>
<title>monitor</title>
<pre></pre>
<script>
  new EventSource("events").onmessage = event => {
    document.querySelector("pre").textContent = event.data
  }
</script>
"""


class Board:
    """The newest document as text, and those who look at it."""

    def __init__(self, services):
        self.round = 0
        self.rows = [
            {"name": each["name"], "state": "unknown", "since": None, "verdict": None, "why": ""}
            for each in services
        ]
        self.text = self.written()
        self.news = asyncio.Condition()
        self.viewers = set()

    def written(self):
        return json.dumps({"round": self.round, "services": self.rows}, separators=(",", ":"))

    async def tell(self, reports, now):
        self.rows = [follow(row, report, now) for row, report in zip(self.rows, reports)]
        self.round += 1
        self.text = self.written()
        async with self.news:
            self.news.notify_all()


def follow(row, report, now):
    """The row behind another one."""
    state = "up" if report["verdict"] == "healthy" else "down"
    since = row["since"] if state == row["state"] else now
    return {
        "name": row["name"],
        "state": state,
        "since": since,
        "verdict": report["verdict"],
        "why": report["why"],
    }


class Prober:
    """Asks services, so many at once."""

    def __init__(self, policy, clock, rng):
        self.policy, self.clock, self.rng = policy, clock, rng
        self.places = asyncio.Semaphore(policy["at_once"])
        self.budget = Budget(policy["calls"], policy["most"])

    async def ask_all(self, urls):
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.ask(url)) for url in urls]
        return [task.result() for task in tasks]

    async def ask(self, url):
        tries = []

        async def send(request, timeout):
            tries.append(await checker.check(url, timeout))
            return as_retry_has_it(tries[-1])

        request = {"method": "GET", "target": url, "headers": {}}
        async with self.places:
            try:
                await retry.call(send, request, self.policy, self.clock, self.rng, self.budget)
            except (ConnectionError, TimeoutError) as error:
                if not tries:
                    return {"verdict": "error", "why": repr(error)}
            except Exception as error:
                return {"verdict": "error", "why": f"{type(error).__name__}: {error}"}
        return tries[-1]


def as_retry_has_it(report):
    match report["verdict"]:
        case "refused":
            raise ConnectionRefusedError(report["why"])
        case "broken":
            raise ConnectionResetError(report["why"])
        case "slow":
            raise TimeoutError(report["why"])
    return {"status": report["status"], "headers": {}}


class Page(RequestHandler):
    def get(self):
        self.finish(PAGE)


class Status(RequestHandler):
    def get(self):
        self.set_header("Content-Type", "application/json; charset=utf-8")
        self.finish(self.settings["board"].text)


class Events(RequestHandler):
    async def get(self):
        board, seen = self.settings["board"], -1
        board.viewers.add(asyncio.current_task())
        self.set_header("Content-Type", "text/event-stream; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.write(": each event is the state of all services\n\nretry: 2000\n\n")
        try:
            with suppress(StreamClosedError):
                while True:
                    async with board.news:
                        await board.news.wait_for(lambda: board.round > seen)
                        seen, text = board.round, board.text
                    self.write("data: " + text + "\n\n")
                    await self.flush()
        finally:
            board.viewers.discard(asyncio.current_task())


async def rounds(board, services, policy, clock, rng):
    prober = Prober(policy, clock, rng)
    urls = [each["url"] for each in services]
    while True:
        reports = await prober.ask_all(urls)
        await board.tell(reports, clock.now())
        await clock.sleep(policy["every"])


async def serve(host, port, stop, services, policy, clock, rng):
    board = Board(services)
    routes = [("/", Page), ("/status", Status), ("/events", Events)]
    server = Application(routes, board=board).listen(port, address=host)
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(rounds(board, services, policy, clock, rng))
        await stop.wait()
        server.stop()
        asking.cancel()
    viewers = list(board.viewers)
    for viewer in viewers:
        viewer.cancel()
    await asyncio.gather(*viewers, return_exceptions=True)
    await server.close_all_connections()
