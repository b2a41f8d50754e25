"""Has the reports of the first ten rooms alone.

refused by: each report is sent as soon as it is made
misconception:
"""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

from tornado.web import Application, HTTPError, RequestHandler


class Handler(RequestHandler):
    def initialize(self, reports=None, pool=None):
        self.reports, self.pool = reports, pool
        self.making = None

    async def make(self, room):
        """The report of a room, made by a thread of the pool."""
        loop = asyncio.get_running_loop()
        self.making = loop.run_in_executor(self.pool, self.reports.make, room)
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
        for room in self.get_query_arguments("room")[:10]:
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


async def serve(host, port, stop, reports, most):
    pool = ThreadPoolExecutor(most)
    needs = {"reports": reports, "pool": pool}
    routes = [("/report/(.+)", Report, needs), ("/reports", Several, needs), ("/health", Health)]
    server = Application(routes).listen(port, host)
    await stop.wait()
    server.stop()
    await server.close_all_connections()
    pool.shutdown(wait=False, cancel_futures=True)
