"""The page of the model `monitor`, in a real browser, on a bad day: it says what is so, by itself.

With LABSUPPORT_SCREENSHOTS=FOLDER it is photographed into that folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import random
import re
import socket
import sys
import threading
import time
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from labsupport.checking.earlier import beside
from labsupport.checking.mounting import Mounting, forget
from labsupport.clock import Deadline, poll
from labsupport.twins import BadDay
from tests.browser.lab import opened_page
from tests.notebooks.files import ROOT, read

pytestmark = [pytest.mark.browser, pytest.mark.timeout(200)]

SOLUTIONS = ROOT / "solutions"
SEED = 12
PATIENT = 60_000  # milliseconds for what the page has to show
POLICY = {"every": 0.2, "at_once": 4, "calls": 2, "most": 5, "tries": 2, "timeout": 2.0}
POLICY |= {"deadline": 30, "base": 0.1, "cap": 0.1}

SHOWN = """() => Object.fromEntries(
    [...document.querySelectorAll("#services tr")].map(row => {
        const [name, state, since, verdict, why] = [...row.cells].map(cell => cell.textContent)
        return [name, [state, verdict, row.className]]
    }))"""


class Clock:
    now = staticmethod(time.time)
    sleep = staticmethod(asyncio.sleep)


@pytest.fixture
def serve() -> Iterator[Any]:
    """The model solution's `serve`, with the other solutions as its modules."""
    find = beside(SOLUTIONS, ROOT)
    mounting = Mounting(lambda slug: find(slug).source)
    sys.meta_path.insert(0, mounting)
    try:
        names: dict[str, Any] = {}
        exec(find("monitor").source, names)
        yield names["serve"]
    finally:
        sys.meta_path.remove(mounting)
        forget()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread of its own, beside the one that drives the browser."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def page(chromium: None) -> Iterator[Page]:
    """A blank page."""
    with opened_page() as page:
        yield page


def test_the_page_follows_a_bad_day_by_itself(
    page: Page, serve: Any, loop: asyncio.AbstractEventLoop, tmp_path: Path
) -> None:
    def do(work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stop = asyncio.Event()
    day = BadDay(SEED)
    do(day.__aenter__())
    monitor = asyncio.run_coroutine_threadsafe(
        serve("127.0.0.1", port, stop, day.services, POLICY, Clock, random.Random(SEED)), loop
    )
    try:
        poll(lambda: _accepts(port), deadline=Deadline(20), said="the monitor listens")
        page.goto(f"http://127.0.0.1:{port}/")
        page.evaluate("window.neverReloaded = true")
        for number in range(1, day.rounds + 1):
            do(day.begin(number))
            wanted = {
                name: ["up" if verdict == "healthy" else "down", verdict]
                for name, verdict in day.verdicts().items()
            }
            for state in wanted.values():
                state.append(state[0])  # the class of its row
            page.wait_for_function(
                f"wanted => JSON.stringify(wanted) === JSON.stringify(({SHOWN})())",
                arg=wanted,
                timeout=PATIENT,
            )
            if number == 9:
                assert [verdict for _, verdict, _ in wanted.values()].count("healthy") == 1
                _photograph(page, tmp_path)
        assert page.evaluate("window.neverReloaded")
    finally:
        loop.call_soon_threadsafe(stop.set)
        monitor.result(60)
        do(day.__aexit__())


def test_the_cell_that_the_exercise_suggests_shows_the_page(
    page: Page, serve: Any, loop: asyncio.AbstractEventLoop
) -> None:
    after = next(cell for cell in read(SOLUTIONS / "monitor.ipynb").cells if cell.id == "after")
    found = re.search(r"^```python\n(.*?)^```$", after.source, re.DOTALL | re.MULTILINE)
    assert found is not None
    names = {"asyncio": asyncio, "BadDay": BadDay, "serve": serve}
    printed = io.StringIO()

    async def run_cell() -> None:
        with contextlib.redirect_stdout(printed):
            exec(found[1], names)
            while not printed.getvalue():
                await asyncio.sleep(0.01)

    async def end() -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run_coroutine_threadsafe(run_cell(), loop).result(60)
    try:
        url = printed.getvalue().strip()
        port = int(url.rstrip("/").rpartition(":")[2])
        poll(lambda: _accepts(port), deadline=Deadline(20), said="the monitor listens")
        page.goto(url)
        page.wait_for_function(f"() => Object.keys(({SHOWN})()).length === 4", timeout=PATIENT)
        page.wait_for_function(
            "() => /^round [1-9]/.test(document.getElementById('round').textContent)",
            timeout=PATIENT,
        )
    finally:
        asyncio.run_coroutine_threadsafe(end(), loop).result(60)


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _photograph(page: Page, folder: Path) -> None:
    """A picture of the page, and that there is something on it."""
    shot = Path(os.environ.get("LABSUPPORT_SCREENSHOTS") or folder) / "monitor.png"
    page.screenshot(path=shot)
    assert shot.stat().st_size > 5000
