"""Meeting an answer over UDP: ports, and a serve that receives datagrams."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from labsupport.checking import Result

Judged = Callable[..., Result]

ASK = """
import socket
def ask(host, port, question, tries=1, timeout=1.0):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        for _ in range(tries):
            sock.sendto(question, (host, port))
            try:
                return sock.recvfrom(2000)[0]
            except TimeoutError:
                continue
        raise TimeoutError("no reply")
"""

ECHO = """
import socket
def serve(host, port, stop):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, port))
        sock.settimeout(0.05)
        while not stop.is_set():
            try:
                data, source = sock.recvfrom(2000)
            except TimeoutError:
                continue
            sock.sendto(data, source)
"""


def test_a_port_receives_and_replies(judged: Judged) -> None:
    result = judged(
        """
        port = answer.port()
        asked = asyncio.create_task(answer.call("ask", *port.address, b"how many?"))
        data, source = await port.recv()
        assert_bytes(data, b"how many?", said="the question")
        assert source[0] == "127.0.0.1" and source[1] != port.address[1]
        await port.send(b"seven", source)
        assert_bytes(await asked, b"seven", said="the reply")
        await port.silence(0.05)
        assert port.waiting() == []
        """,
        ASK,
    )
    assert result.verdict == "passed", result


def test_the_ladder_shows_what_the_check_did_with_each_datagram(judged: Judged) -> None:
    result = judged(
        """
        port = answer.port()
        stranger = answer.port("a stranger")
        asked = asyncio.create_task(answer.call("ask", *port.address, b"?", 2, 0.2))
        await port.recv(note="lost")
        data, source = await port.recv()
        await stranger.send(b"forged", source)
        await port.send(b"true", source, note="late")
        assert_bytes(await asked, b"true", said="a stranger's reply was taken")
        """,
        ASK,
    )
    assert (result.verdict, result.said) == ("failed", "a stranger's reply was taken")
    heading, *rungs = result.ladder.splitlines()
    assert heading.split() == ["your", "answer", "the", "check"]
    assert [rung.strip("|-<> ") for rung in rungs] == [
        "#1 datagram of 1 byte b'?' (lost)",
        "#1 datagram of 1 byte b'?'",
        "#2 datagram of 6 bytes b'forged' (a stranger)",
        "#1 datagram of 4 bytes b'true' (late)",
    ]


def test_what_is_sent_again_and_again_can_be_left_out_of_the_ladder(judged: Judged) -> None:
    result = judged(
        """
        port, other = answer.port(), answer.port()
        await port.send(b"", other.address, note="and so on")
        with port.unrecorded():
            for _ in range(30):
                await port.send(b"", other.address)
        await port.send(b"the end", other.address)
        fail("look at the ladder")
        """,
        ASK,
    )
    _, *rungs = result.ladder.splitlines()
    assert [rung.strip("|-<> ") for rung in rungs] == [
        "empty datagram (and so on)",
        "datagram of 7 bytes b'the end'",
    ]


@pytest.mark.parametrize(
    ("use", "said", "expected", "got", "rung"),
    [
        (
            "await port.recv(timeout=0.1)",
            "your answer sends no datagram",
            "a datagram",
            "nothing for 0.1 s",
            "(the check: timeout)",
        ),
        (
            "await port.recv(timeout=0.1, said='it gave up', expected='a second try')",
            "it gave up",
            "a second try",
            "nothing for 0.1 s",
            "(the check: timeout)",
        ),
        (
            "asked = asyncio.create_task(answer.call('ask', *port.address, b'?'))\n"
            "        await port.silence(5)",
            "your answer sends a datagram that nobody waits for",
            "no datagram for 5 s",
            "b'?'",
            "datagram of 1 byte b'?'",
        ),
    ],
    ids=["nothing comes", "in the words of the check", "something comes"],
)
def test_what_came_instead_is_said(
    judged: Judged, use: str, said: str, expected: str, got: str, rung: str
) -> None:
    result = judged(
        f"""
        port = answer.port()
        {use}
        """,
        ASK,
    )
    assert (result.verdict, result.said) == ("failed", said)
    assert (result.expected, result.got) == (expected, got)
    assert rung in result.ladder


@pytest.mark.parametrize(
    ("then", "verdict", "said", "got"),
    [
        ("return 7", "failed", "your answer sends no datagram", "none; the call returned 7"),
        ("raise ValueError(7)", "crashed", "your answer raised ValueError in line 4", ""),
    ],
)
def test_a_call_that_ends_without_sending_is_not_waited_for(
    judged: Judged, then: str, verdict: str, said: str, got: str
) -> None:
    result = judged(
        """
        port = answer.port()
        asked = asyncio.ensure_future(answer.call("ask", *port.address))
        assert (await port.recv(during=asked))[0] == b"first"
        await port.recv(timeout=60, during=asked)
        """,
        f"""
        import socket
        def ask(host, port):
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"first", (host, port))
            {then}
        """,
    )
    assert (result.verdict, result.said, result.got) == (verdict, said, got)


def test_ports_with_a_trace_of_their_own_are_drawn_by_themselves(judged: Judged) -> None:
    result = judged(
        """
        from labsupport.checking import Trace
        before = answer.port()
        await before.send(b"before", before.address)
        port = answer.port(trace=Trace())
        stranger = answer.port("a stranger", trace=port.trace)
        await stranger.send(b"forged", port.address)
        assert (await port.recv())[0] == b"forged"
        fail("look at the ladder")
        """,
        ASK,
    )
    assert result.said == "look at the ladder", result
    assert "before" not in result.ladder
    assert result.ladder.count("forged") == 2


def test_a_port_may_open_late_where_something_was_sent_to(judged: Judged) -> None:
    result = judged(
        """
        closed = answer.port()
        closed.close()
        asked = asyncio.create_task(answer.call("ask", *closed.address, b"?", 100, 0.1))
        port = answer.port(at=closed.address)
        assert port.address == closed.address
        data, source = await port.recv(during=asked)
        await port.send(b"!", source)
        assert_bytes(await asked, b"!", said="the reply")
        """,
        ASK,
    )
    assert result.verdict == "passed", result


def test_all_that_a_call_sent_is_there_when_it_has_returned(judged: Judged) -> None:
    result = judged(
        """
        port = answer.port()
        await answer.raises("TimeoutError", "ask", *port.address, b"?", 100, 0.001)
        assert_equal([data for data, _ in port.waiting()], [b"?"] * 100, said="a hundred tries")
        """,
        ASK,
    )
    assert result.verdict == "passed", result


def test_a_link_may_stand_in_front_of_a_port_and_draws_the_ladder(judged: Judged) -> None:
    result = judged(
        """
        link = Link(transport="udp", to_server={"lose": [0]}, to_client={"duplicate": [0]})
        port = answer.port(link=link)
        asked = asyncio.create_task(answer.call("ask", *port.address, b"?", 5, 0.2))
        data, source = await port.recv()
        await port.send(b"!", source)
        assert await asked == b"!"
        fail("look at the ladder")
        """,
        ASK,
    )
    assert result.said == "look at the ladder", result
    assert "link" in result.ladder.splitlines()[0]
    assert "datagram 0: lost" in result.ladder


def test_a_server_of_datagrams_is_served_to_and_stopped(judged: Judged) -> None:
    result = judged(
        """
        async with answer.serving_datagrams() as peer:
            one, two = peer.client("one"), peer.client("two")
            await one.send(b"1", peer.address)
            await two.send(b"2", peer.address)
            assert await one.recv() == (b"1", peer.address)
            assert (await two.recv())[0] == b"2"
        assert not [each for each in answer.open_sockets() if each.kind == "udp"]
        """,
        ECHO,
    )
    assert result.verdict == "passed", result


def test_a_server_of_datagrams_behind_a_link_gets_more_arguments(judged: Judged) -> None:
    result = judged(
        """
        class Handle(StandIn):
            exposed = ("__call__",)
            def __call__(self, data):
                return data.upper()
        link = Link(transport="udp", to_server={"duplicate": [0]})
        async with answer.serving_datagrams("serve", Handle(), link=link) as peer:
            client = peer.client()
            await client.send(b"a", peer.address)
            assert [(await client.recv())[0] for _ in range(2)] == [b"A", b"A"]
        """,
        ECHO.replace("stop)", "stop, handle)").replace("sendto(data", "sendto(handle(data)"),
    )
    assert result.verdict == "passed", result


@pytest.mark.parametrize(
    ("serve", "said", "got"),
    [
        ("return", "`serve` returned before stop was set", "it returned"),
        (
            "s.bind((host, port + 1)); stop.wait()",
            "no UDP socket is bound to the port that your answer was given",
            "it has one that is bound to another port",
        ),
        (
            "t = socket.create_server((host, port)); stop.wait()",
            "no UDP socket is bound to the port that your answer was given",
            "it listens for TCP connections",
        ),
        (
            "stop.wait()",
            "no UDP socket is bound to the port that your answer was given",
            "it has no UDP socket",
        ),
        (
            "s.bind((host, port)); s.recv(1)",
            "`serve` does not return after stop was set",
            "it was still running after 2 s",
        ),
    ],
    ids=["returns", "another port", "TCP", "no socket", "never stops"],
)
def test_a_server_that_does_not_keep_to_its_task_fails(
    judged: Judged, serve: str, said: str, got: str
) -> None:
    result = judged(
        """
        async with answer.serving_datagrams(ready=1.0):
            pass
        """,
        "import socket\ndef serve(host, port, stop):\n"
        f"    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n    {serve}",
        deadline=8.0,
    )
    assert (result.verdict, result.said, result.got) == ("failed", said, got)
    waits = ("It waits in `serve`, line 4:\n    s.bind((host, port)); s.recv(1)",)
    assert result.notes == (waits if serve.endswith("recv(1)") else ())


@pytest.mark.parametrize(
    ("answer", "got"),
    [
        (
            ECHO.replace("stop):\n", "stop):\n    global kept\n").replace(
                "        sock.bind", "        kept = sock.dup()\n        sock.bind"
            ),
            "its socket is still open",
        ),
        (
            ECHO.replace("while not", "threading.Thread(target=spare, daemon=True).start()\n"
            "        while not").replace("import socket", "import socket, threading\n"
            "def spare(): threading.Event().wait()"),
            "a thread that still runs",
        ),
        pytest.param(
            # a process that has left its parent
            ECHO.replace("while not stop.is_set()", "while True").replace(
                "sock.settimeout(0.05)",
                "import os\n"
                "        if os.fork(): return stop.wait()\n"
                "        if os.fork(): os._exit(0)",
            ),
            "its socket is still open",
            marks=pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
        ),
    ],
    ids=["socket", "thread", "process"],
)  # fmt: skip
def test_what_serve_leaves_behind_is_a_leak(judged: Judged, answer: str, got: str) -> None:
    result = judged(
        """
        async with answer.serving_datagrams() as peer:
            client = peer.client()
            await client.send(b"x", peer.address)
            await client.recv()
        """,
        answer,
    )
    assert (result.verdict, result.got) == ("leaked", got), result


def test_feedback_is_the_same_on_every_run(course: Any) -> None:
    course.add(
        "talks",
        """
        async with answer.serving_datagrams() as peer:
            client = peer.client()
            await client.send(draw.bytes(5), peer.address)
            data, source = await client.recv()
            fail("look", got=f"{data!r} from {source}")
        """,
    )
    reports = [course.judge(ECHO) for _ in range(3)]
    assert "PORT" in reports[0].results[0].got
    assert [each.to_dict() for each in reports[1:]] == [reports[0].to_dict()] * 2
