"""A class at once on the real JupyterHub: `python -m tests.classroom.trial [USERS]`.

All users log in at the same moment. Each starts a server, opens lesson 00 and runs all of its
cells, opens the exercise greet, has the empty answer judged, writes the right one, and has that
judged. Then one of them stops the server, the course changes, and the next start brings what is new
and keeps the answer. Needs JupyterHub in this environment, and configurable-http-proxy on the PATH.

Printed are seconds, memory (of all processes of a user's server, shared pages divided among those
that share them, where the system says so) and everything that failed; the exit status is 1 then.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import psutil

from tests.classroom.browsing import Browser, Run
from tests.classroom.hubs import Hub, missing, running_hub
from tests.notebooks.files import ROOT

LESSON = "notebooks/00_start_here.ipynb"
EXERCISE = "exercises/00_greet/greet.ipynb"
ANSWER = (ROOT / "tests" / "answers" / "greet" / "right_fstring.py").read_text(encoding="utf-8")
PASSED = "6 of 6 points."
NEWS = "A sentence that the course has had since this morning."


@dataclass
class Visit:
    """What a user did: seconds since all began, by step, and what failed."""

    user: str
    at: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    protection: str = ""


async def visit(hub: Hub, user: str, begun: float) -> Visit:
    """The whole visit of one user; what fails ends it and is noted."""
    seen = Visit(user)

    def reached(step: str) -> None:
        seen.at[step] = time.monotonic() - begun

    async with Browser(hub.url, user) as browser:
        try:
            await browser.log_in()
            reached("logged in")
            page = await browser.start()
            reached("server started")
            assert page["news"] == {"disabled": True}, page["news"]
            await run_lesson(browser)
            reached("lesson run")
            seen.protection = await pass_greet(browser)
            reached("greet passed")
        except Exception as error:
            seen.failures.append(f"{user}: {type(error).__name__}: {error}")
    return seen


async def run_lesson(browser: Browser) -> None:
    """Open the lesson and run all of its cells."""
    lesson = await browser.opened(LESSON)
    done = await browser.run(LESSON, code_cells(lesson))
    assert done.errors == [], done.errors
    assert len(done.texts) == len(code_cells(lesson)) > 10


async def pass_greet(browser: Browser) -> str:
    """Have the empty answer refused, and a right one accepted; the report's line on protection."""
    notebook = await browser.opened(EXERCISE)
    assert PASSED not in (await judged(browser, notebook)).texts["check"]
    for cell in notebook["cells"]:
        if cell["id"] == "answer":
            cell["source"] = f"%%answer greet\n{ANSWER}"
    await browser.save(EXERCISE, notebook)
    report = (await judged(browser, notebook)).texts["check"]
    assert PASSED in report, report
    return report.strip().splitlines()[-1]


async def judged(browser: Browser, notebook: dict[str, Any]) -> Run:
    """Run the exercise up to its check."""
    wanted = [cell for cell in code_cells(notebook) if cell[0] in ("setup", "answer", "check")]
    assert len(wanted) == 3
    done = await browser.run(EXERCISE, wanted)
    assert done.errors == [], done.errors
    return done


def code_cells(notebook: dict[str, Any]) -> list[tuple[str, str]]:
    """Id and source of each code cell."""
    cells = notebook["cells"]
    return [(each["id"], each["source"]) for each in cells if each["cell_type"] == "code"]


async def update(hub: Hub, user: str) -> list[str]:
    """Change the task of the exercise and start a user's server anew; what went wrong."""
    path = hub.course / EXERCISE
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("## The task", f"## The task\\n\\n{NEWS}"), encoding="utf-8")
    async with Browser(hub.url, user) as browser:
        await browser.log_in()
        await browser.stop()
        await stopped(hub, user)
        await browser.start()
        notebook = await browser.opened(EXERCISE)
    sources = {each["id"]: each["source"] for each in notebook["cells"]}
    found = []
    if NEWS not in sources["task"]:
        found.append(f"{user} did not get the new text of the task")
    if ANSWER not in sources["answer"]:
        found.append(f"{user} lost the answer")
    return found


async def stopped(hub: Hub, user: str) -> None:
    """Wait for the end of a user's server."""
    server = hub.servers().get(user)
    if server is not None:
        await asyncio.to_thread(server.wait, 60)


def memory(server: psutil.Process) -> int:
    """Bytes of a server and of all that it started."""
    total = 0
    for process in [server, *server.children(recursive=True)]:
        try:
            full = process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        total += getattr(full, "pss", full.rss)
    return total


async def everybody(hub: Hub, users: list[str]) -> list[Visit]:
    """All users at the same moment."""
    begun = time.monotonic()
    return await asyncio.gather(*(visit(hub, user, begun) for user in users))


def main() -> int:
    """Run the trial and print what came out."""
    if why := missing():
        print(f"The trial cannot run: {why}.")
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the hub is ended then, too
    users = [f"user{number:02d}" for number in range(int((sys.argv[1:] or ["20"])[0]))]
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f}")
    with running_hub(users) as hub:
        visits = asyncio.run(everybody(hub, users))
        servers = hub.servers()
        failures = [said for each in visits for said in each.failures]
        if set(servers) != set(users):
            failures.append(f"no server runs for {sorted(set(users) - set(servers))}")
        sizes = [memory(server) for server in servers.values()]
        processes = [1 + len(server.children(recursive=True)) for server in servers.values()]
        failures += asyncio.run(update(hub, users[0]))
        log = hub.log.read_text(encoding="utf-8", errors="replace")
    failures += [f"had to be killed at the end: {each}" for each in hub.left]
    for step in ("logged in", "server started", "lesson run", "greet passed"):
        times = sorted(each.at[step] for each in visits if step in each.at)
        if times:
            middle = statistics.median(times)
            print(
                f"{step}: {len(times)} of {len(users)} users; "
                f"first {times[0]:.1f} s, middle {middle:.1f} s, last {times[-1]:.1f} s"
            )
    if sizes:
        middle, most = statistics.median(sizes) / 2**20, max(sizes) / 2**20
        print(f"memory of a user, two notebooks open: middle {middle:.0f} MiB, most {most:.0f} MiB")
        print(f"processes of a user: {max(processes)} at most")
    print(*sorted({each.protection for each in visits if each.protection}), sep="\n")
    print(f"failures: {len(failures)}", *failures, sep="\n")
    if failures:
        print("the end of the hub's log:", *log.splitlines()[-40:], sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
