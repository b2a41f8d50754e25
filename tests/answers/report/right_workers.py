"""Has a task for each place, which take what is wanted from one queue."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from tornado.web import Application, HTTPError, RequestHandler


class Handler(RequestHandler):
    def initialize(self, wanted=None):
        self.wanted = wanted
        self.making = None

    async def make(self, room):
        """The report of a room, made by the next worker that is free."""
        self.making = asyncio.get_running_loop().create_future()
        self.wanted.put_nowait((room, self.making))
        return await self.making

    def on_connection_close(self):
        if self.making is not None:
            self.making.cancel()  # what has not been begun will not be

    def write_error(self, status_code, **kwargs):
        error = kwargs["exc_info"][1] if "exc_info" in kwargs else None
        document = {"title": HTTPStatus(status_code).phrase, "status": status_code}
        if isinstance(error, HTTPError) and error.log_message:
            document["detail"] = error.log_message % error.args
        self.set_header("Content-Type", "application/problem+json")
        self.finish(json.dumps(document))


class Report(Handler):
    async def get(self, room):
        try:
            report = await self.make(room)
        except LookupError as error:
            raise HTTPError(404, "nobody measures in the %s", room) from error
        except ValueError as error:
            raise HTTPError(422, "%s", error) from error
        except asyncio.CancelledError:
            return  # nobody waits for it any more
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.write(report)


class Several(Handler):
    async def get(self):
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        for room in self.get_query_arguments("room"):
            try:
                self.write(await self.make(room))
            except asyncio.CancelledError:
                return
            except Exception:
                self.write(f"{room}: no report\n")
            await self.flush()


class Health(Handler):
    def get(self):
        self.write("fine\n")


async def work(reports, wanted, pool):
    """Make one report after the other."""
    loop = asyncio.get_running_loop()
    while True:
        room, made = await wanted.get()
        if made.done():  # its client has left
            continue
        try:
            report = await loop.run_in_executor(pool, reports.make, room)
        except Exception as error:
            if not made.done():
                made.set_exception(error)
        else:
            if not made.done():
                made.set_result(report)


async def serve(host, port, stop, reports, most):
    wanted = asyncio.Queue()
    needs = {"wanted": wanted}
    routes = [("/report/(.+)", Report, needs), ("/reports", Several, needs), ("/health", Health)]
    with ThreadPoolExecutor(most) as pool:
        workers = [asyncio.create_task(work(reports, wanted, pool)) for _ in range(most)]
        server = Application(routes).listen(port, host)
        await stop.wait()
        server.stop()
        await server.close_all_connections()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
