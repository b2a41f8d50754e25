"""Command lines, in processes of their own."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from labsupport.clock import poll
from labsupport.serving import CannotStart, CommandFailed, StillRunning, commands, serve, sockets
from labsupport.serving.commands import CommandServer

Ask = Callable[..., bytes]

posix = pytest.mark.skipif(os.name != "posix", reason="process groups and {fd} are POSIX")

ECHO = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        connection, peer = listener.accept()
        print("connected")
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)
"""
BIND = 'socket.create_server(("127.0.0.1", int(sys.argv[1])))'
INHERITED_ECHO = ECHO.replace(BIND, "socket.socket(fileno=int(sys.argv[1]))")


def python(source: str, *words: str) -> list[str]:
    return ["python", "-c", source, *words]


def start(source: str, *words: str, **options: object) -> CommandServer:
    server = serve(python(source, *words), **options)  # type: ignore[arg-type]
    assert isinstance(server, CommandServer)
    return server


def test_a_command_is_ready_when_serve_returns(ask: Ask) -> None:
    with start(ECHO, "{port}") as server:
        assert (server.kind, server.name) == ("process", "python")
        assert ask(server) == b"hello"
        assert psutil.Process(server.pid).is_running()
    assert not server.running
    assert server.failure is None
    assert repr(server).endswith("stopped>")


def test_the_command_sees_no_client_but_the_learners(ask: Ask) -> None:
    with start(ECHO, "{port}") as server:
        ask(server)
        server.wait_for_output("connected")
    assert server.output == "connected\n"


def test_python_is_the_python_of_this_process(ask: Ask) -> None:
    with start("import sys; print(sys.executable); " + ECHO, "{port}") as server:
        assert server.wait_for_output("\n").strip() == sys.executable


@posix
def test_a_command_may_inherit_the_listening_socket(ask: Ask) -> None:
    with start(INHERITED_ECHO, "{fd}") as server:
        assert ask(server) == b"hello"


@posix
def test_when_a_command_with_an_inherited_socket_ends_clients_are_refused(
    wait_until_refused: Callable[[int], None],
) -> None:
    with start("import sys; sys.exit(3)", "{fd}") as server:
        wait_until_refused(server.port)
        poll(lambda: not server.running, deadline=10, said="it runs on")
        assert isinstance(server.failure, CommandFailed)
        assert "exit status 3" in repr(server)


@posix
def test_a_command_may_inherit_a_bound_udp_socket() -> None:
    mirror = """
import socket, sys
sock = socket.socket(fileno=int(sys.argv[1]))
while True:
    data, peer = sock.recvfrom(65536)
    sock.sendto(data[::-1], peer)
"""
    with (
        start(mirror, "{fd}", transport="udp") as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(10)
        client.sendto(b"abc", server.address)
        assert client.recvfrom(100)[0] == b"cba"


def test_a_command_may_open_a_udp_port() -> None:
    mirror = """
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", int(sys.argv[1])))
while True:
    data, peer = sock.recvfrom(65536)
    sock.sendto(data[::-1], peer)
"""
    with (
        start(mirror, "{port}", transport="udp") as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(10)
        client.sendto(b"abc", server.address)
        assert client.recvfrom(100)[0] == b"cba"


def test_what_a_command_prints_comes_whole_whatever_its_bytes(
    ask: Ask, capfd: pytest.CaptureFixture[str]
) -> None:
    prints = """
import sys
sys.stdout.buffer.write("é".encode()[:1]); sys.stdout.buffer.flush()
sys.stdout.buffer.write("é".encode()[1:] + bytes([255]) + b"one\\r\\ntwo\\n")
print("an error", file=sys.stderr)
"""
    with start(prints + ECHO, "{port}") as server:
        shown = server.wait_for_output("an error")
    assert "é\N{REPLACEMENT CHARACTER}one\ntwo\n" in shown
    assert capfd.readouterr() == ("", "")


def test_a_program_that_does_not_exist_is_a_clear_error() -> None:
    with pytest.raises(CannotStart, match="no program 'no-such-program' on this machine's PATH"):
        serve(["no-such-program", "{port}"])


@posix
def test_a_program_that_cannot_be_executed_is_a_clear_error(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/no/such/interpreter\n")
    program.chmod(0o755)
    before = psutil.Process().children()
    with pytest.raises(CannotStart, match=r"cannot execute .*program: No such file"):
        serve([str(program), "{port}"])
    assert psutil.Process().children() == before


def test_a_command_without_a_place_for_its_port_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match="does not say where its port goes"):
        serve(["python", "-m", "http.server"])


def test_a_command_off_loopback_is_refused_and_leaves_the_former_server_alone() -> None:
    with start(ECHO, "{port}") as server:
        with pytest.raises(ValueError, match="not on this machine's loopback"):
            start(ECHO, "{port}", host="192.0.2.1")
        assert server.running


def test_a_command_in_one_string_is_refused_with_the_list_to_use() -> None:
    with pytest.raises(TypeError, match=r"use \['python', '-m', 'http.server', '{port}'\]"):
        serve("python -m http.server {port}")


def test_a_command_that_exits_early_is_an_error_with_its_output() -> None:
    with pytest.raises(CannotStart, match="ended by itself with exit status 1") as failed:
        start("import sys; sys.exit('the database is missing')", "{port}")
    assert "the database is missing" in str(failed.value)


def test_a_command_that_never_listens_is_an_error_with_its_output() -> None:
    silent = "import threading; print('thinking'); threading.Event().wait()"
    before = psutil.Process().children()
    with pytest.raises(CannotStart, match="has not opened port") as failed:
        start(silent, "{port}", deadline=4.0)  # for Python to start, and to print
    assert "thinking" in str(failed.value)
    assert psutil.Process().children() == before


def test_a_port_that_another_program_took_first_is_replaced(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    ports = iter([taken.getsockname()[1]])

    def first_a_taken_one(host: str, transport: sockets.Transport) -> int:
        return next(ports, None) or sockets.free_port(host, transport)

    monkeypatch.setattr(commands, "free_port", first_a_taken_one)
    with taken, start(ECHO, "{port}") as server:
        assert server.port != taken.getsockname()[1]
        assert ask(server) == b"hello"
        assert "in use" not in server.output


def test_a_port_that_is_always_taken_is_an_error_with_the_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(commands, "free_port", lambda host, transport: port)
        with pytest.raises(CannotStart, match=r"(?s)exit status 1.*in use"):
            start(ECHO, "{port}", deadline=30)  # in which several interpreters start


def test_somebody_elses_listener_does_not_make_a_command_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    idle = "import threading; threading.Event().wait()"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setattr(commands, "free_port", lambda host, transport: port)
        with pytest.raises(CannotStart, match="has not opened port"):
            start(idle, "{port}", deadline=0.5)


def test_a_command_that_ends_by_itself_has_failed_with_its_status(ask: Ask) -> None:
    one_client = ECHO.replace("while True:", "if True:", 1) + "sys.exit(7)"
    with start(one_client, "{port}") as server:
        ask(server)
        poll(lambda: not server.running, deadline=10, said="it runs on")
        assert isinstance(server.failure, CommandFailed)
        assert str(server.failure) == "the command ended by itself with exit status 7"


@posix
def test_a_command_that_a_signal_ends_has_failed_by_that_signal() -> None:
    with start(ECHO, "{port}") as server:
        os.kill(server.pid, signal.SIGSEGV)
        poll(lambda: not server.running, deadline=10, said="it runs on")
        assert str(server.failure) == "the command was ended by SIGSEGV"


@posix
def test_a_process_that_ignores_sigterm_is_killed_for_certain(
    wait_until_gone: Callable[[int], None],
) -> None:
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + ECHO
    server = start(stubborn, "{port}")
    server.stop(1.0)
    wait_until_gone(server.pid)
    assert not server.running
    assert server.failure is None


@posix
def test_a_command_may_say_farewell_when_it_is_stopped() -> None:
    polite = """
import signal, sys
def farewell(*_):
    print("farewell")
    sys.exit(0)
signal.signal(signal.SIGTERM, farewell)
"""
    server = start(polite + ECHO, "{port}")
    server.stop()
    assert server.output == "farewell\n"


@posix
@pytest.mark.parametrize("ends_by", ["stop", "itself"])
def test_the_processes_that_a_command_started_end_with_it(
    ask: Ask, ends_by: str, wait_until_gone: Callable[[int], None]
) -> None:
    family = """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import signal, threading; "
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); threading.Event().wait()"])
print("child", child.pid)
"""
    one_client = ECHO.replace("while True:", "if True:", 1)
    server = start("import sys\n" + family + one_client, "{port}")
    child = int(server.wait_for_output("\n").split()[1])
    if ends_by == "stop":
        server.stop()
    else:
        ask(server)
    wait_until_gone(child)
    wait_until_gone(server.pid)
    server.stop()


@posix
def test_a_process_that_left_the_group_and_keeps_the_output_open_is_named(
    release: object, wait_until_gone: Callable[[int], None]
) -> None:
    daemon = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import threading; threading.Event().wait()"],
                         start_new_session=True)
print("child", child.pid)
"""
    server = start(daemon + ECHO, "{port}")
    child = int(server.wait_for_output("\n").split()[1])
    with pytest.raises(StillRunning, match="has left the command's group"):
        server.stop(2.0)
    os.kill(child, signal.SIGKILL)
    wait_until_gone(child)
    poll(lambda: not _pipe_is_read(server), deadline=10, said="the pipe stays open")
    server.stop()


def _pipe_is_read(server: CommandServer) -> bool:
    assert server._process is not None
    return server._process._reader.is_alive()


@posix
def test_a_command_runs_in_a_process_group_of_its_own() -> None:
    with start(ECHO, "{port}") as server:
        assert os.getpgid(server.pid) not in (os.getpgrp(), server.pid)
        os.kill(os.getpgid(server.pid), 0)


@posix
def test_a_guard_that_was_killed_does_not_keep_the_command_from_being_stopped(
    wait_until_gone: Callable[[int], None],
) -> None:
    server = start(ECHO, "{port}")
    os.kill(os.getpgid(server.pid), signal.SIGKILL)
    server.stop()
    wait_until_gone(server.pid)
