"""What a server prints goes to its handle, and nothing else does."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable

import pytest

from labsupport.serving import routing, serve
from labsupport.serving.output import LIMIT, Output

Ask = Callable[..., bytes]


def talkative(listener: socket.socket) -> None:
    """Print on both streams, from this thread and from one that it starts."""
    while True:
        connection, _ = listener.accept()
        with connection:
            print("from the server")
            print("on stderr", file=sys.stderr)
            child = threading.Thread(target=print, args=("from its thread",))
            child.start()
            child.join()
            connection.sendall(b"done")


def test_prints_of_a_server_are_on_its_handle_and_nowhere_else(
    ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(talkative) as server:
        print("before")
        ask(server, b"")
        print("after", file=sys.stderr)
    assert server.output == "from the server\non stderr\nfrom its thread\n"
    assert capsys.readouterr() == ("before\n", "after\n")


def test_two_servers_have_an_output_each(ask: Ask) -> None:
    def says(listener: socket.socket, what: str) -> None:
        listener.accept()[0].close()
        print(what)

    with serve(says, "one", name="a") as a, serve(says, "two", name="b") as b:
        ask(a, b"")
        ask(b, b"")
        assert a.wait_for_output("one\n") == "one\n"
        assert b.wait_for_output("two\n") == "two\n"


def test_prints_of_threads_that_belong_to_nobody_are_left_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serve(talkative) as server:
        thread = threading.Thread(target=print, args=("mine",))
        thread.start()
        thread.join()
        assert server.output == ""
    assert capsys.readouterr().out == "mine\n"


def test_a_stream_that_was_put_in_place_later_is_covered_from_the_next_connection(
    ask: Ask,
) -> None:
    with serve(talkative) as server, contextlib.redirect_stdout(io.StringIO()) as mine:
        print("the notebook's")
        ask(server, b"")
    assert mine.getvalue() == "the notebook's\n"
    assert "from the server" in server.output


def test_a_stream_stays_routed_after_a_capture_that_began_before_the_server(
    ask: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        server = serve(talkative)
    with server:
        ask(server, b"")
    assert "from the server" in server.output
    assert capsys.readouterr().out == ""


def test_logging_of_last_resort_and_older_handlers_go_to_the_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("a logger of this test")
    logger.propagate = False
    older = logging.StreamHandler(sys.stderr)

    def logs(listener: socket.socket) -> None:
        logger.warning("without a handler")
        logger.addHandler(older)
        logger.warning("with a handler")
        logger.removeHandler(older)
        warnings.warn("a warning", UserWarning, stacklevel=1)
        print("end")

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_, **__: print(message, file=sys.stderr)
        with serve(logs) as server:
            shown = server.wait_for_output("end")
    assert shown == "without a handler\nwith a handler\na warning\nend\n"
    assert capsys.readouterr().err == ""


def test_writelines_and_odd_arguments_behave_as_on_the_stream() -> None:
    def writes(listener: socket.socket) -> None:
        sys.stdout.writelines(["a", "b", "\n"])
        assert sys.stdout.write("four") == 4
        sys.stdout.write(b"bytes")  # type: ignore[arg-type]

    with serve(writes) as server:
        assert server.wait_for_output("TypeError").startswith("ab\nfour")


def test_the_output_keeps_the_newest_and_counts_what_it_dropped() -> None:
    def floods(listener: socket.socket) -> None:
        for number in range(20_000):
            print(f"line {number}")
        print("end")

    with serve(floods) as server:
        shown = server.wait_for_output("end\n", deadline=20)
    assert len(shown) < LIMIT + 100
    assert shown.startswith("[")
    assert "earlier characters dropped]" in shown.splitlines()[0]
    assert shown.endswith("line 19999\nend\n")


def test_one_write_larger_than_the_limit_is_cut() -> None:
    output = Output()
    output.write("x" * (3 * LIMIT) + "end")
    head, _, kept = output.text.partition("\n")
    assert head == f"[{2 * LIMIT + 3} earlier characters dropped]"
    assert len(kept) == LIMIT
    assert kept.endswith("xend")


def test_waiting_for_output_that_does_not_come_shows_what_came() -> None:
    with serve(lambda listener: print("something"), name="says") as server:
        server.wait_for_output("something")
        with pytest.raises(TimeoutError, match=r"(?s)not written 'else' within 0.05 s.*something"):
            server.wait_for_output("else", deadline=0.05)


def test_an_exception_in_a_thread_of_nobody_is_reported_as_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []
    with serve(talkative) as server:
        monkeypatch.setattr(routing, "_former_excepthook", lambda args: seen.append(args.exc_value))
        thread = threading.Thread(target=lambda: 1 // 0)
        thread.start()
        thread.join()
        assert server.output == ""
    assert isinstance(seen[0], ZeroDivisionError)


def test_others_may_wrap_what_serving_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    serve(talkative).stop()
    start, hook = threading.Thread.start, threading.excepthook
    monkeypatch.setattr(threading.Thread, "start", lambda self: start(self))
    monkeypatch.setattr(threading, "excepthook", lambda args: hook(args))

    def raises(listener: socket.socket) -> None:
        threading.Thread(target=lambda: 1 // 0).start()

    with serve(raises) as server:
        server.wait_for_output("ZeroDivisionError")
    assert "ZeroDivisionError" in server.output


def test_a_script_without_ipython_prints_as_ever() -> None:
    script = """
import socket, sys
from labsupport.serving import routing, serve
def says(listener):
    print("the server's")
    listener.accept()
with serve(says) as server:
    server.wait_for_output("the server's")
    print("the script's")
    sys.stdout.flush()
    print("its errors", file=sys.stderr)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=50, check=True
    )
    assert (ended.stdout, ended.stderr) == ("the script's\n", "its errors\n")
