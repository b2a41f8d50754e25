"""What a notebook may not leave behind, in the kernel and in its file.

`PROBE` runs silently in the kernel and says what lives there: threads, sockets, child processes,
tasks of the kernel's loop, servers of labsupport. What is there at the end and was not there at the
beginning is left over. A lesson stops what it starts, in-process servers too.

A judge waits for the next `%check` as long as the kernel lives: it is told to end, and has to.
Idle threads of the event loop's own pool live as long as the loop: they are not left over. Nor is
the thread that pyzmq starts in the kernel when a cell's output is larger than 64 KB.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode

PROBE = r"""
def _leftovers():
    import asyncio, gc, json, sys, threading
    engine = sys.modules.get("labsupport.checking.engine")
    if engine:
        engine.shut_down()
    gc.collect()  # a socket that nothing refers to any more is closed by this, as it would be later
    threads = {
        str(thread.ident): thread.name
        for thread in threading.enumerate()
        if not thread.name.startswith("asyncio_") and type(thread).__module__ != "zmq.utils.garbage"
    }
    here = asyncio.current_task()
    tasks = {
        task.get_name(): getattr(task.get_coro(), "__qualname__", repr(task.get_coro()))
        for task in asyncio.all_tasks()
        if task is not here and "/ipykernel/" not in repr(task).replace("\\", "/")
    }
    import psutil
    children = {
        f"{child.pid} {child.create_time()}": " ".join(child.cmdline())[:200]
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE
    }
    sockets = [
        (one.laddr.port, one.raddr.port if one.raddr else 0, one.status)
        for one in psutil.Process().net_connections("inet")
    ]
    serving = sys.modules.get("labsupport.serving")
    servers = {one.name: repr(one) for one in serving.running()} if serving else {}
    return json.dumps(dict(threads=threads, tasks=tasks, children=children, sockets=sockets,
                           servers=servers))
"""
ASK = "_leftovers()"
FORGET = "del _leftovers"

BACKGROUND_FAILURES = (
    "Exception in thread",
    "never retrieved",
    "ResourceWarning",
    "was destroyed but",
    "was never awaited",
)

Report = Mapping[str, Any]


def left_over(before: Report, after: Report) -> list[str]:
    """What is there after the last cell and was not there before the first, one sentence each."""
    found = [f"the server {shown} still runs" for shown in after["servers"].values()]
    for kind, said in (("threads", "the thread"), ("tasks", "the task")):
        new = {key: name for key, name in after[kind].items() if key not in before[kind]}
        found += [f"{said} {name!r} still runs" for name in sorted(new.values())]
    for key, command in after["children"].items():
        if key not in before["children"]:
            found.append(f"the child process {key.split()[0]} still runs: {command}")
    own = {port for port, _, status in before["sockets"] if status == "LISTEN"}  # the kernel's
    known = {tuple(socket) for socket in before["sockets"]}
    for here, there, status in after["sockets"]:
        if here in own or there in own or (here, there, status) in known:
            continue
        found.append(f"a socket is still open: {status} on port {here}")
    return found


def stored_faults(notebook: NotebookNode) -> list[str]:
    """What is wrong with the stored outputs as such: unrun cells, counts, background failures."""
    found = []
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    for number, cell in enumerate(cells, start=1):
        where = f"cell {cell.id!r}"
        if cell.execution_count is None:
            found.append(f"{where} is stored without having been run: nothing compares it")
        elif cell.execution_count != number:
            found.append(
                f"{where} has execution count {cell.execution_count}, not {number}: "
                "its outputs are not of one Run All"
            )
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                found += [
                    f"{where} stores a failure of something in the background: {words!r}"
                    for words in BACKGROUND_FAILURES
                    if words in output.text
                ]
    return found
