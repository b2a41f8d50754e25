"""Meeting an answer over real connections: serving, handling, facing."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from labsupport.checking import Result

Judged = Callable[..., Result]

ECHO = """
import socket, threading

def serve(host, port, stop):
    with socket.create_server((host, port)) as listener:
        listener.settimeout(0.05)
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

def handle(connection):
    with connection:
        while data := connection.recv(1000):
            connection.sendall(data)
"""


def test_a_server_is_served_to_and_stopped(judged: Judged) -> None:
    result = judged(
        """
        async with answer.serving("serve") as peer:
            conn = await peer.connect()
            assert conn.remote == peer.address and conn.local[1] != conn.remote[1]
            await conn.send(b"hello\\nrest")
            assert await conn.recv_line() == b"hello\\n"
            assert await conn.recv_exactly(2) == b"re"
            conn.half_close()
            assert await conn.recv_until_eof() == b"st"
            assert await conn.recv() == b""
        assert not [each for each in answer.open_sockets() if each.state == "LISTEN"]
        """,
        ECHO,
    )
    assert result.verdict == "passed", result


def test_a_server_gets_what_a_check_hands_over_beside_stop(judged: Judged) -> None:
    result = judged(
        """
        async with answer.serving("serve", 3, b"four") as peer:
            assert await (await peer.connect()).recv_line() == b"3 b'four'\\n"
        """,
        """
        import socket
        def serve(host, port, stop, number, data):
            with socket.create_server((host, port)) as listener:
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(f"{number} {data}\\n".encode())
                    stop.wait()
        """,
    )
    assert result.verdict == "passed", result


def test_no_connection_is_made_to_find_out_whether_a_server_is_ready(judged: Judged) -> None:
    result = judged(
        """
        async with answer.serving("serve") as peer:
            conn = await peer.connect()
            assert await conn.recv_line() == b"client 1\\n"
        """,
        """
        import socket, time
        def serve(host, port, stop):
            stop.wait(0.2)
            with socket.create_server((host, port)) as listener:
                connection, _ = listener.accept()
                connection.sendall(b"client 1\\n")
                stop.wait()
        """,
    )
    assert result.verdict == "passed", result


def test_a_coroutine_can_serve(judged: Judged) -> None:
    result = judged(
        """
        async with answer.serving("serve") as peer:
            conns = await asyncio.gather(*(peer.connect() for _ in range(20)))
            for conn in conns:
                await conn.send(b"x")
            for conn in conns:
                assert await conn.recv_exactly(1) == b"x"
        """,
        """
        import asyncio
        async def serve(host, port, stop):
            async def handle(reader, writer):
                writer.write(await reader.read(10))
                writer.close()
            server = await asyncio.start_server(handle, host, port)
            await stop.wait()
            server.close()
        """,
    )
    assert result.verdict == "passed", result


@pytest.mark.parametrize(
    ("serve", "said", "got"),
    [
        ("return", "`serve` returned before stop was set", "it returned"),
        (
            "import socket\n    s = socket.create_server((host, port + 1))\n    stop.wait()",
            "nothing listens on the port that your answer was given",
            "it listens on another port",
        ),
        (
            "stop.wait()",
            "nothing listens on the port that your answer was given",
            "it listens on no port",
        ),
        (
            "import socket\n    s = socket.create_server((host, port))\n    s.accept()",
            "`serve` does not return after stop was set",
            "it was still running after 2 s",
        ),
        (
            "import socket\n    s = socket.create_server((host, port))\n"
            "    s.accept()\n    s.accept()",
            "`serve` does not return after stop was set",
            "it was still running after 2 s",
        ),
    ],
)
def test_a_server_that_does_not_keep_to_its_task_fails(
    judged: Judged, serve: str, said: str, got: str
) -> None:
    result = judged(
        """
        async with answer.serving("serve", ready=1.0) as peer:
            if peer.port % 1:
                await peer.connect()
        """,
        f"def serve(host, port, stop):\n    {serve}",
        deadline=8.0,
    )
    assert (result.verdict, result.said, result.got) == ("failed", said, got)


def test_a_server_that_raises_is_a_crash(judged: Judged) -> None:
    result = judged(
        """
        async with answer.serving("serve") as peer:
            conn = await peer.connect()
            await conn.recv_until_eof()
        """,
        """
        import socket
        def serve(host, port, stop):
            with socket.create_server((host, port)) as s:
                s.accept()[0].close()
                raise ValueError("broken")
        """,
    )
    assert result.verdict == "crashed", result
    assert result.traceback.endswith("ValueError: broken")


def test_a_failure_tells_what_the_server_raised_meanwhile(judged: Judged) -> None:
    result = judged(
        """
        async with answer.serving("serve") as peer:
            conn = await peer.connect()
            await conn.recv_exactly(5)
        """,
        """
        import socket
        def serve(host, port, stop):
            with socket.create_server((host, port)) as s:
                connection, _ = s.accept()
                connection.sendall(b"ab")
                connection.close()
                raise ValueError("broken")
        """,
    )
    assert result.verdict == "failed", result
    assert (result.expected, result.got) == ("5 bytes", "b'ab', then the end of the stream")
    assert result.notes[0].startswith("Meanwhile `serve` raised:\nline 7, in serve")
    rungs = result.ladder.splitlines()[1:]
    assert "2 bytes b'ab'" in rungs[0]
    assert "EOF" in rungs[1]


def test_a_port_in_feedback_is_masked(judged: Judged) -> None:
    result = judged(
        """
        async with answer.serving("serve") as peer:
            conn = await peer.connect()
            fail(f"{peer.address} {conn.local[1]}", did=f"{conn.remote}", got=answer.home)
        """,
        ECHO,
    )
    assert result.said == "('127.0.0.1', PORT) PORT"
    assert result.did == "('127.0.0.1', PORT)"
    assert result.got == "FOLDER"


def test_a_server_can_be_stopped_while_clients_are_connected(judged: Judged) -> None:
    result = judged(
        """
        async with answer.serving("serve") as peer:
            conn = await peer.connect()
            await conn.send(b"x")
            await conn.recv_exactly(1)
            await peer.stop()
            assert await conn.recv_until_eof() == b""
        """,
        ECHO.replace("True).start()", "True).start(); clients.append(connection)")
        .replace("stop):", "stop):\n    clients = []")
        .replace(
            "def handle", "    for each in clients: each.shutdown(socket.SHUT_RDWR)\n\ndef handle"
        ),
    )
    assert result.verdict == "passed", result


STOPPED = """
        async with answer.serving("serve") as peer:
            conn = await peer.connect()
            await conn.send(b"x")
            assert await conn.recv_exactly(1) == b"x"
"""
CLOSED = "everything that it opened is closed, and all that it started has ended"


@pytest.mark.parametrize(
    ("answer", "body", "got"),
    [
        (
            # the learner's server, which goes on in a thread of its own
            ECHO.replace("def serve", "def real").replace("while not stop.is_set()", "while True")
            + "\ndef serve(host, port, stop):\n"
            "    threading.Thread(target=real, args=(host, port, stop), daemon=True).start()\n"
            "    stop.wait()",
            STOPPED,
            "it still listens: a new connection is accepted",
        ),
        pytest.param(
            # a process that has left its parent
            ECHO.replace("while not stop.is_set()", "while True").replace(
                "listener.settimeout(0.05)",
                "import os, signal\n"
                "        if os.fork(): return stop.wait()\n"
                "        if os.fork(): os._exit(0)",
            ),
            STOPPED,
            "it still listens: a new connection is accepted",
            marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
        ),
        (
            # a thread for each client that nobody waits for
            ECHO,
            f"{STOPPED}            await peer.stop()",
            "a connection is still open",
        ),
    ],
    ids=["listening thread", "listening process", "connection"],
)
def test_what_goes_on_after_serve_has_returned_is_a_leak(
    judged: Judged, answer: str, body: str, got: str
) -> None:
    result = judged(body, answer)
    assert (result.verdict, result.got) == ("leaked", got), result
    assert result.said == "`serve` has returned, and a part of it goes on"
    assert result.expected == CLOSED
    assert result.earned == 0


@pytest.mark.parametrize(
    ("left", "got"),
    [
        ("os.pipe()", "a descriptor that was not there before"),
        (
            "threading.Thread(target=threading.Event().wait, daemon=True).start()",
            "a thread that still runs",
        ),
        (
            "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(30)'])",
            "a process that still runs",
        ),
        ("wait()", "the coroutine `wait` was never awaited"),
    ],
    ids=["descriptor", "thread", "child", "coroutine"],
)
def test_what_serve_leaves_behind_is_a_leak(judged: Judged, left: str, got: str) -> None:
    server = ECHO.replace("listener.settimeout(0.05)", f"listener.settimeout(0.05); {left}")
    result = judged(STOPPED, f"import os, subprocess, sys\nasync def wait(): pass\n{server}")
    assert (result.verdict, result.said) == (
        "leaked",
        "`serve` has returned, and a part of it goes on",
    )
    assert got in result.got
    assert result.expected == CLOSED


@pytest.mark.parametrize(
    ("body", "loop", "own"),
    [
        (STOPPED, "while True", False),
        (STOPPED, "os.pipe()\n        while not stop.is_set()", False),
        (
            f"{STOPPED}            await peer.stop()",
            "os.pipe()\n        while not stop.is_set()",
            True,
        ),
    ],
    ids=["does not return", "leaks", "leaks, and stopped by the check"],
)
def test_what_is_wrong_at_the_end_is_apart_from_what_a_check_is_about(
    judged: Judged, body: str, loop: str, own: bool
) -> None:
    server = f"import os\n{ECHO.replace('while not stop.is_set()', loop)}"
    result = judged(body, server)
    assert not result.passed
    assert (result.hints[0] == "vague") == own, result


ASYNC = """
import asyncio

async def wait(): await asyncio.Event().wait()

async def handle(reader, writer):
    writer.write(await reader.read(1000))
    writer.close()

async def serve(host, port, stop):
    async with await asyncio.start_server(handle, host, port):
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        await stop.wait()
        LAST
"""


@pytest.mark.parametrize(
    ("last", "got"),
    [
        ("pass", "a task: it was still in `wait`"),
        ("wait()", "the coroutine `wait` was never awaited"),
        ("task.cancel(); await asyncio.wait([task])", ""),
    ],
    ids=["task", "coroutine", "nothing"],
)
def test_what_an_async_serve_leaves_in_its_loop_is_a_leak(
    judged: Judged, last: str, got: str
) -> None:
    result = judged(STOPPED, ASYNC.replace("LAST", last))
    assert (result.verdict, result.got) == ("leaked" if got else "passed", got), result


@pytest.mark.parametrize("host", ["host", "''"], ids=["its own", "every one"])
def test_a_server_listens_on_the_address_that_it_was_given(judged: Judged, host: str) -> None:
    body = """
        async with answer.serving("serve") as peer:
            peer.assert_own_address()
    """
    result = judged(body, ECHO.replace("(host, port)) as", f"({host}, port)) as"))
    if host == "host":
        assert result.passed, result
    else:
        assert (result.expected, result.got, result.belief) == ("127.0.0.1", "0.0.0.0", ""), result


def test_a_server_serves_until_it_is_told_to_stop(judged: Judged) -> None:
    result = judged(
        STOPPED,
        ECHO.replace("def serve", "def real") + "\ndef serve(host, port, stop):\n"
        "    caller = threading.current_thread()\n"
        "    def later():\n"
        "        caller.join()  # the check has been told by now that serve has returned\n"
        "        real(host, port, stop)\n"
        "    threading.Thread(target=later).start()\n",
    )
    assert (result.verdict, result.said) == ("failed", "`serve` returned before stop was set")
    assert result.hints[0] == "vague", "it may have returned for what the check is about"


def test_a_handler_gets_each_connection_with_its_timeout(judged: Judged) -> None:
    result = judged(
        """
        async with answer.handling("handle", timeout=0.5) as peer:
            first, second = await peer.connect(), await peer.connect()
            await second.send(b"x")
            assert await second.recv_until_eof() == b"0.5 x"
            await first.send(b"bad")
            assert await first.recv_until_eof() == b""
            third = await peer.connect()
            outcomes = await peer.all_handled()
            assert [each.number for each in outcomes] == [1, 2, 3] and outcomes == peer.outcomes()
            kinds = [each.raised and each.raised.kind for each in outcomes]
            assert_equal(kinds, ["ValueError", None, "TimeoutError"], said="")
            assert_equal([each.value for each in outcomes], [None, 2.5, None], said="")
        """,
        """
        def handle(connection):
            data = connection.recv(100)
            if data == b"bad": raise ValueError(data)
            connection.sendall(b"%g " % connection.gettimeout() + data)
            return 2.5
        """,
    )
    assert result.verdict == "passed", result


@pytest.mark.parametrize(
    ("handle", "got"),
    [
        ("connection.close()", "the end of the stream"),
        ("connection.sendall(b'x')", "b'x', then nothing for 0.3 s"),
    ],
)
def test_a_connection_can_be_left_for_the_answer_to_close(
    judged: Judged, handle: str, got: str
) -> None:
    result = judged(
        """
        async with answer.handling("handle", close=False) as peer:
            conn = await peer.connect()
            await peer.all_handled()
            await conn.recv_exactly(2, timeout=0.3)
        """,
        f"def handle(connection): {handle}",
    )
    assert (result.verdict, result.got) == ("failed", got)


def test_a_failure_tells_what_a_handler_raised_meanwhile(judged: Judged) -> None:
    result = judged(
        """
        async with answer.handling("handle") as peer:
            conn = await peer.connect()
            await conn.recv_line()
        """,
        "def handle(connection): raise ValueError('bad')",
    )
    assert result.verdict == "failed"
    assert result.got == "the end of the stream"
    assert "ValueError: bad" in result.notes[0]


def test_a_handler_that_does_not_return_is_said(judged: Judged) -> None:
    result = judged(
        """
        async with answer.handling("handle") as peer:
            await peer.connect()
            await peer.all_handled(timeout=0.2)
        """,
        "def handle(connection): connection.recv(1)",
    )
    assert (result.said, result.got) == ("handle does not return", "0 returned within 0.2 s")


def test_an_answer_faces_a_scripted_server(judged: Judged) -> None:
    result = judged(
        """
        numbers = []
        async def script(conn, number):
            numbers.append(number)
            line = await conn.recv_line()
            await conn.send(b"you said " + line)
        async with answer.facing(script) as address:
            assert await answer.call("fetch", *address, b"hi\\n") == b"you said hi\\n"
            assert await answer.call("fetch", *address, b"ho\\n") == b"you said ho\\n"
        assert numbers == [1, 2]
        """,
        """
        import socket
        def fetch(host, port, line):
            with socket.create_connection((host, port)) as s:
                s.sendall(line)
                return s.makefile("rb").read()
        """,
    )
    assert result.verdict == "passed", result


FETCH = """
import socket
def fetch(host, port):
    with socket.create_connection((host, port), timeout=2) as s:
        s.sendall(b"abc")
        if not s.recv(1):
            raise EOFError("nothing came")
"""


def test_what_a_script_found_wrong_explains_what_the_answer_raised(judged: Judged) -> None:
    result = judged(
        """
        async def script(conn, number):
            assert_bytes(await conn.recv_exactly(3), b"abd", said="the request")
        async with answer.facing(script) as address:
            await answer.call("fetch", *address)
        """,
        FETCH,
    )
    assert (result.verdict, result.said) == ("failed", "the request")
    assert "3 bytes b'abc'" in result.ladder
    assert result.ladder.splitlines()[0].split() == ["your", "answer", "the", "check"]


def test_a_script_may_end_after_the_answer_and_still_fail_the_check(judged: Judged) -> None:
    result = judged(
        """
        async def script(conn, number):
            await conn.send(b"x")
            assert_bytes(await conn.recv_until_eof(), b"abcd", said="all of it")
        async with answer.facing(script) as address:
            await answer.call("fetch", *address)
        """,
        FETCH,
    )
    assert (result.verdict, result.said) == ("failed", "all of it")


def test_a_silent_peer_is_released_at_the_end(judged: Judged) -> None:
    result = judged(
        """
        async def script(conn, number):
            await conn.hold()
        async with answer.facing(script, grace=30.0) as address:
            await answer.raises("TimeoutError", "fetch", *address)
        """,
        FETCH.replace("timeout=2", "timeout=0.2"),
        deadline=4.0,
    )
    assert result.verdict == "passed", result


def test_a_script_that_does_not_end_is_ended(judged: Judged) -> None:
    result = judged(
        """
        async def script(conn, number):
            await conn.send(b"x")
            await asyncio.Event().wait()
        async with answer.facing(script, grace=0.1) as address:
            await answer.call("fetch", *address)
        """,
        FETCH,
    )
    assert result.verdict == "passed", result


@pytest.mark.parametrize(
    ("handle", "use", "said", "expected", "got"),
    [
        (
            "connection.sendall(b'ab')",
            "await conn.recv_exactly(4)",
            "your answer ended the connection too early",
            "4 bytes",
            "b'ab', then the end of the stream",
        ),
        (
            "connection.sendall(b'ab'); connection.recv(1)",
            "await conn.recv_exactly(4, timeout=0.3)",
            "your answer sends nothing more",
            "4 bytes",
            "b'ab', then nothing for 0.3 s",
        ),
        (
            "connection.sendall(b'ab'); connection.recv(1)",
            "await conn.recv_until_eof(timeout=0.3, said='the end is missing')",
            "the end is missing",
            "the end of the stream",
            "b'ab', then nothing for 0.3 s",
        ),
        (
            "connection.sendall(b'a' * 30)",
            "await conn.recv_line(10)",
            "a line is longer than 10 bytes",
            "a line of at most 10 bytes",
            "no line end so far: b'" + "a" * 30 + "'",
        ),
        (
            "connection.sendall(b'a' * 300)",
            "await conn.recv_until_eof(100)",
            "your answer sends more than it should",
            "the end of the stream after at most 100 bytes",
            "more: b'" + "a" * 72 + "'... (300 bytes)",
        ),
        (
            "import socket, struct; connection.recv(1); connection.setsockopt(socket.SOL_SOCKET, "
            "socket.SO_LINGER, struct.pack('ii', 1, 0)); connection.close()",
            "await conn.send(b'x'); await conn.recv_line()",
            "your answer broke the connection off",
            "a line",
            "a reset (RST)",
        ),
        (
            "import threading; threading.Event().wait()",
            "await conn.send(bytes(50_000_000), timeout=0.3)",
            "your answer stopped reading",
            "it reads all of 50,000,000 bytes",
            "for 0.3 s it read nothing more",
        ),
    ],
)
def test_what_came_instead_is_said(
    judged: Judged, handle: str, use: str, said: str, expected: str, got: str
) -> None:
    result = judged(
        f"""
        async with answer.handling("handle") as peer:
            conn = await peer.connect()
            {use}
        """,
        f"def handle(connection): {handle}",
    )
    assert (result.verdict, result.said) == ("failed", said)
    assert (result.expected, result.got) == (expected, got)
    assert result.ladder


def test_a_refused_connection_is_a_failure(judged: Judged) -> None:
    result = judged(
        """
        async with answer.serving("serve") as peer:
            conn = await peer.connect()
            await conn.recv_until_eof()
            await peer.connect()
        """,
        """
        import socket
        def serve(host, port, stop):
            with socket.create_server((host, port)) as s:
                connection, _ = s.accept()
            connection.close()
            stop.wait()
        """,
    )
    assert (result.verdict, result.got) == ("failed", "refused: nothing listens")
    assert result.did == "opened connection 2"


def test_a_check_can_reset_a_connection(judged: Judged) -> None:
    result = judged(
        """
        async with answer.handling("handle") as peer:
            conn = await peer.connect()
            await conn.send(b"x")
            await conn.recv_exactly(1)
            conn.reset()
            (outcome,) = await peer.all_handled()
            assert outcome.raised.kind == "ConnectionResetError"
        """,
        """
        def handle(connection):
            connection.sendall(connection.recv(1))
            connection.recv(1)
        """,
    )
    assert result.verdict == "passed", result


@pytest.mark.linux
def test_the_end_comes_with_the_last_byte(judged: Judged) -> None:
    result = judged(
        """
        async with answer.handling("handle") as peer:
            for size in (1, 50_000) * 50:
                conn = await peer.connect()
                await conn.send_last(bytes(size))
                assert await conn.recv_until_eof() == b"the end"
                conn.close()
        """,
        """
        def handle(connection):
            size = 0
            while size not in (1, 50_000):
                size += len(connection.recv(65536))
            connection.setblocking(False)
            try:
                connection.sendall(connection.recv(1) or b"the end")
            except BlockingIOError:
                connection.sendall(b"nothing yet")
        """,
        deadline=30.0,
    )
    assert result.verdict == "passed", result


@pytest.mark.linux
def test_a_client_can_ask_for_small_segments(judged: Judged) -> None:
    result = judged(
        """
        async with answer.handling("handle") as peer:
            large = await (await peer.connect()).recv_until_eof()
            small = await (await peer.connect(segment=512)).recv_until_eof()
            assert int(small) <= 512 < int(large), (small, large)
        """,
        """
        import socket
        def handle(connection):
            size = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
            connection.sendall(b"%d" % size)
        """,
    )
    assert result.verdict == "passed", result


@pytest.mark.linux
def test_a_link_cuts_between_check_and_answer_in_every_arrangement(judged: Judged) -> None:
    result = judged(
        """
        async with answer.serving("serve", link=Link(cut=1, seed=draw.seed)) as peer:
            conn = await peer.connect()
            await conn.send(b"abc")
            assert await conn.recv_exactly(6) == b"1a1b1c"
        async with answer.handling("handle", link=Link(cut=1)) as peer:
            conn = await peer.connect()
            await conn.send(b"abc")
            assert await conn.recv_exactly(6) == b"1a1b1c"
        async def script(conn, number):
            await conn.send(b"abc")
        async with answer.facing(script, link=Link(cut=2)) as address:
            assert await answer.call("fetch", *address) == [b"ab", b"c"]
        """,
        ECHO.replace("sendall(data)", "sendall(b'%d' % len(data) + data)")
        + """
def fetch(host, port):
    with socket.create_connection((host, port)) as s:
        return list(iter(lambda: s.recv(100), b""))
""",
    )
    assert result.verdict == "passed", result


def test_sixteen_megabytes_pass_both_ways_at_once(judged: Judged) -> None:
    result = judged(
        """
        data = draw.bytes(16_000_000)
        async with answer.handling("handle") as peer:
            conn = await peer.connect()
            back = conn.recv_exactly(len(data), timeout=20)
            _, echoed = await asyncio.gather(conn.send(data), back)
            assert_bytes(echoed, data, said="all of it comes back")
        """,
        ECHO,
        deadline=30.0,
    )
    assert result.verdict == "passed", result


def test_a_mismatch_inside_a_task_group_is_found(judged: Judged) -> None:
    result = judged(
        """
        async with answer.handling("handle") as peer:
            async def client(n):
                conn = await peer.connect()
                await conn.send(b"%d" % n)
                assert_bytes(await conn.recv_until_eof(), b"2", said=f"client {n}")
            async with asyncio.TaskGroup() as group:
                for n in (2, 3):
                    group.create_task(client(n))
        """,
        ECHO.replace("while data :=", "if data :="),
    )
    assert (result.verdict, result.said) == ("failed", "client 3")
    assert "1 byte b'3'" in result.ladder


def test_meters_look_from_outside(judged: Judged) -> None:
    result = judged(
        """
        before = answer.descriptors()
        ports = await answer.call("open_some")
        listening = [each.local[1] for each in answer.open_sockets() if each.state == "LISTEN"]
        assert_equal(sorted(listening), sorted(ports), said="")
        assert answer.descriptors() == before + 3
        spent = answer.cpu_seconds()
        await answer.call("burn")
        assert answer.cpu_seconds() - spent > 0.15
        """,
        """
        import socket, time
        kept = []
        def open_some():
            kept.extend(socket.create_server(("127.0.0.1", 0)) for _ in range(3))
            return [s.getsockname()[1] for s in kept]
        def burn():
            end = time.thread_time() + 0.2
            while time.thread_time() < end: pass
        """,
    )
    assert result.verdict == "passed", result


@pytest.mark.linux
def test_who_asks_all_the_time_is_ready_all_the_time(judged: Judged) -> None:
    result = judged(
        """
        async def in_a_second():
            used, ready = answer.cpu_seconds(), answer.ready_seconds()
            await asyncio.sleep(1)
            return answer.cpu_seconds() - used, answer.ready_seconds() - ready
        _, ready = await in_a_second()
        assert ready < 0.5, ready
        await answer.call("two_ask_on_one_processor")
        used, ready = await in_a_second()
        assert ready > 1.7 * used, (used, ready)
        await answer.call("end")
        """,
        """
        import os, signal
        children = []
        def two_ask_on_one_processor():
            one = {min(os.sched_getaffinity(0))}
            for _ in range(2):
                child = os.fork()
                while not child:
                    os.sched_setaffinity(0, one)
                children.append(child)
        def end():
            for child in children:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
        """,
    )
    assert result.verdict == "passed", result


def test_feedback_is_the_same_on_every_run(course: Any) -> None:
    course.add(
        "talks",
        """
        async with answer.handling("handle") as peer:
            conn = await peer.connect()
            await conn.send(draw.bytes(5))
            await conn.send(draw.bytes(5))
            assert_bytes(await conn.recv_exactly(10), draw.bytes(10), said=f"at {peer.address}")
        """,
    )
    answer = ECHO.replace("recv(1000)", "recv(3)") + "print(handle, serve)"
    reports = [course.judge(answer) for _ in range(4)]
    assert [each.to_dict() for each in reports[1:]] == [reports[0].to_dict()] * 3
