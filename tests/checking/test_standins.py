"""ScriptedSocket: a socket that reads and writes by a script."""

from __future__ import annotations

import pytest

from labsupport.checking import Mismatch, ScriptedSocket


def test_a_read_returns_at_most_one_piece() -> None:
    sock = ScriptedSocket([b"abc", b"", b"de"])
    assert [sock.recv(2), sock.recv(10), sock.recv(10), sock.recv(10)] == [b"ab", b"c", b"de", b""]
    assert sock.reads == 4


def test_a_read_of_nothing_returns_nothing_and_keeps_the_stream() -> None:
    sock = ScriptedSocket([b"a"])
    assert (sock.recv(0), sock.recv(5)) == (b"", b"a")


def test_an_exception_in_the_script_is_raised_once() -> None:
    sock = ScriptedSocket([b"a", TimeoutError("timed out"), b"b"])
    assert sock.recv(1) == b"a"
    with pytest.raises(TimeoutError):
        sock.recv(1)
    assert sock.recv(1) == b"b"


def test_reading_on_after_the_end_fails_the_check() -> None:
    sock = ScriptedSocket([b"a"])
    sock.recv(1)
    for _ in range(100):
        assert sock.recv(1) == b""
    with pytest.raises(Mismatch, match="reads on after the end"):
        sock.recv(1)


def test_a_send_may_take_only_a_part() -> None:
    sock = ScriptedSocket(accept=3)
    assert [sock.send(b"abcdef"), sock.send(b"d")] == [3, 1]
    sock.sendall(b"12345")
    assert sock.sent == b"abcd12345"
    assert sock.writes == 4


def test_a_closed_socket_cannot_be_used() -> None:
    sock = ScriptedSocket([b"a"])
    sock.shutdown(1)
    with pytest.raises(BrokenPipeError):
        sock.send(b"x")
    sock.close()
    sock.close()
    assert sock.closed
    with pytest.raises(OSError, match="Bad file descriptor"):
        sock.recv(1)


def test_timeouts_are_remembered() -> None:
    sock = ScriptedSocket()
    assert sock.gettimeout() is None
    sock.settimeout(2.5)
    assert sock.gettimeout() == 2.5
    sock.setblocking(False)
    assert sock.timeout == 0.0


def test_the_exchange_can_be_drawn() -> None:
    sock = ScriptedSocket([b"ab"])
    sock.recv(1)
    sock.recv(1)
    sock.sendall(b"ok")
    sock.recv(1)
    sock.close()
    lines = sock.ladder().splitlines()
    assert lines[0].split() == ["the", "check", "your", "answer"]
    assert "2 bytes in 2 reads b'ab'" in lines[1]
    assert "2 bytes b'ok'" in lines[2]
    assert "EOF" in lines[3]
