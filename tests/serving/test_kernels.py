"""Servers behind a real kernel: silent in cells, alive after an interrupt, gone with the kernel."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from .conftest import Kernel

Wait = Callable[[int], None]

SERVERS = """
import asyncio, socket, threading, tornado.web
from labsupport.serving import serve, running

def echo(listener):
    def handle(connection):
        with connection:
            while data := connection.recv(100):
                print("thread got", data)
                connection.sendall(data.upper())
    while True:
        connection, _ = listener.accept()
        print("accepted")
        threading.Thread(target=handle, args=(connection,)).start()

async def stream(reader, writer):
    while data := await reader.read(100):
        print("task got", data)
        await asyncio.to_thread(print, "worker got", data)
        writer.write(data.upper())
    writer.close()

class Shout(tornado.web.RequestHandler):
    def get(self):
        print("application asked")
        self.write("HI")

command = '''
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(100):
                print("process got", data)
                connection.sendall(data.upper())
'''

def ask(server, message=b"hi"):
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(message)
        return connection.recv(1000)
"""

START = """
servers = [serve(echo), serve(stream), serve(tornado.web.Application([("/", Shout)])),
           serve(["python", "-c", command, "{port}"])]
print(servers[3].pid, *[server.port for server in servers])
"""

ASK = """
answers = [ask(server) for server in (servers[0], servers[1], servers[3])]
answers.append(ask(servers[2], b"GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")[-2:])
print(answers)
"""
ANSWERS = "[b'HI', b'HI', b'HI', b'HI']\n"


@pytest.fixture
def serving(kernel: Kernel) -> tuple[Kernel, int, list[int]]:
    """A kernel with a server of every kind; the process's number, all ports."""
    assert kernel.run(SERVERS) == ""
    pid, *ports = map(int, kernel.run(START).split())
    return kernel, pid, ports


def test_what_servers_print_never_shows_in_a_cell(cells: Kernel) -> None:
    cells.run(SERVERS)
    cells.run(START)
    assert cells.run(ASK) == ANSWERS
    assert cells.run("for server in servers: server.wait_for_output('\\n')") == ""
    assert cells.late_output() == ""
    assert cells.run("print(servers[0].output, end='')") == "accepted\nthread got b'hi'\n"
    assert cells.run("print(servers[1].output, end='')") == "task got b'hi'\nworker got b'hi'\n"
    assert cells.run("print(servers[2].output, end='')") == "application asked\n"
    assert cells.run("print(servers[3].output, end='')") == "process got b'hi'\n"


def test_what_tornado_logs_of_a_request_shows_in_the_servers_output(cells: Kernel) -> None:
    cells.run(SERVERS)
    cells.run("server = serve(tornado.web.Application([('/', Shout)]))")
    cells.run("answer = ask(server, b'GET /nowhere HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')")
    assert cells.run("print('404 GET /nowhere' in server.wait_for_output('ms'))") == "True\n"
    assert cells.late_output() == ""


def test_what_cells_print_never_shows_in_a_servers_output(cells: Kernel) -> None:
    cells.run(SERVERS)
    cells.run("server = serve(echo)")
    assert cells.run("print('mine'); print(ask(server))") == "mine\nb'HI'\n"
    thread = "import threading; t = threading.Thread(target=print, args=('a thread',)); "
    assert cells.run(thread + "t.start(); t.join()") == "a thread\n"
    assert cells.run("async def task(): print('a task')\nawait asyncio.create_task(task())") == (
        "a task\n"
    )
    assert cells.run("print(server.output, end='')") == "accepted\nthread got b'hi'\n"


def test_failures_in_servers_never_show_in_a_cell_and_name_cells_as_cells(cells: Kernel) -> None:
    cells.run(SERVERS)
    cells.run(
        "import logging\n"
        "def fails(listener):\n"
        "    logging.getLogger('here').warning('about to fail')\n"
        "    def handle(): raise ValueError('in a thread')\n"
        "    thread = threading.Thread(target=handle)\n"
        "    thread.start(); thread.join()\n"
        "    raise ValueError('in the server')"
    )
    cells.run("async def task_fails(reader, writer): raise ValueError('in a task')")
    cells.run("server = serve(fails); other = serve(task_fails); ask_other = ask(other)")
    cells.run("server.wait_for_output('in the server'); other.wait_for_output('in a task')")
    assert cells.late_output() == ""
    shown = cells.run("print(server.output, end='')").splitlines()
    assert [line for line in shown if line.strip(" ^~")] == [  # Pythons differ in their markers
        "about to fail",
        "Exception in a thread of fails:",
        "Traceback (most recent call last):",
        '  File "<cell>", line 4, in handle',
        "    def handle(): raise ValueError('in a thread')",
        "ValueError: in a thread",
        "Traceback (most recent call last):",
        '  File "<cell>", line 7, in fails',
        "    raise ValueError('in the server')",
        "ValueError: in the server",
    ]
    assert '  File "<cell>", line 1, in task_fails' in cells.run("print(other.output)")


def test_what_would_not_stop_is_named_by_its_line_of_a_cell(cells: Kernel) -> None:
    cells.run(SERVERS)
    cells.run("gate = threading.Event()\n\ndef stuck(listener):\n    gate.wait()")
    shown = cells.run("serve(stuck).stop(0.1)")
    assert "thread 'stuck' at line 4 of a cell, in stuck: gate.wait()" in shown
    cells.run("gate.set()")


def test_running_a_cell_again_replaces_its_server(cells: Kernel) -> None:
    cells.run(SERVERS)
    cell = "server = serve(echo)"
    assert cells.run(cell) == ""
    first = int(cells.run("former = server; print(server.port)"))
    assert cells.run(cell) == ""
    assert cells.run("print(former.running, server.running, len(running()))") == "False True 1\n"
    with socket.socket() as attempt:
        assert attempt.connect_ex(("127.0.0.1", first)) != 0
    assert cells.run("print(ask(server))") == "b'HI'\n"


def test_a_server_started_while_output_is_captured_stays_silent(cells: Kernel) -> None:
    cells.run(SERVERS)
    cells.run("%%capture\nserver = serve(echo)")
    assert cells.run("print(ask(server))") == "b'HI'\n"
    assert cells.late_output() == ""


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT as kernels get it on POSIX")
def test_all_servers_survive_the_interrupt_of_a_cell(
    serving: tuple[Kernel, int, list[int]],
) -> None:
    kernel, pid, _ = serving
    busy = kernel.start("print('busy', flush=True)\nwhile True: pass")
    while kernel.client.get_iopub_msg(timeout=20)["content"].get("text") != "busy\n":
        pass
    kernel.manager.interrupt_kernel()
    assert "KeyboardInterrupt" in kernel.shown_by(busy)
    assert psutil.pid_exists(pid)
    assert kernel.run("print([server.running for server in servers])") == (
        "[True, True, True, True]\n"
    )
    assert kernel.run(ASK) == ANSWERS
    assert kernel.run("print([server.failure for server in servers])") == (
        "[None, None, None, None]\n"
    )


@pytest.mark.parametrize("now", [False, True], ids=["graceful", "at once"])
def test_nothing_survives_a_restart(
    serving: tuple[Kernel, int, list[int]],
    wait_until_gone: Wait,
    wait_until_refused: Wait,
    now: bool,
) -> None:
    kernel, pid, ports = serving
    group = os.getpgid(pid) if os.name == "posix" else pid
    kernel.client.stop_channels()
    kernel.manager.restart_kernel(now=now)
    for port in ports:
        wait_until_refused(port)
    wait_until_gone(pid)
    wait_until_gone(group)
    kernel.connect()
    assert kernel.run("'servers' in globals()") == "False\n"


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_nothing_survives_a_kill_of_the_kernel(
    serving: tuple[Kernel, int, list[int]], wait_until_gone: Wait, wait_until_refused: Wait
) -> None:
    kernel, pid, ports = serving
    group = os.getpgid(pid)
    os.kill(kernel.pid, signal.SIGKILL)
    for port in ports:
        wait_until_refused(port)
    wait_until_gone(pid)
    wait_until_gone(group)


@pytest.mark.skipif(os.name != "posix", reason="kill -9")
def test_a_process_that_ignores_everything_does_not_survive_a_kill_of_the_kernel(
    kernel: Kernel, wait_until_gone: Wait
) -> None:
    stubborn = """
import os, signal, threading
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if os.fork() == 0:
    print(os.getpid())
    threading.Event().wait()
"""
    kernel.run(SERVERS)
    kernel.run(f"stubborn = {stubborn!r}")
    kernel.run("server = serve(['python', '-c', stubborn + command, '{port}'], name='stubborn')")
    pid = int(kernel.run("print(server.pid)"))
    child = int(kernel.run("print(server.wait_for_output('\\n').split()[0])"))
    assert psutil.Process(child).ppid() == pid
    os.kill(kernel.pid, signal.SIGKILL)
    wait_until_gone(pid)
    wait_until_gone(child)
