"""A crowd's clients do what they say, and the machine's limits stop it with a word."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from labsupport import crowd, serve
from labsupport.clock import poll
from labsupport.serving.server import Server


def welcoming(listener: socket.socket) -> None:
    """Welcome each client, then print what it says until it ends, and how it ended."""

    def host(connection: socket.socket) -> None:
        heard, end = b"", "closed"
        with connection:
            try:
                while piece := connection.recv(1024):
                    if b"\n" not in heard and b"\n" in piece:
                        connection.sendall(b"welcome\n")
                    heard += piece
            except ConnectionError as error:
                end = type(error).__name__
        print(heard, end)

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=host, args=[connection]).start()


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(welcoming, backlog=256) as made:
        yield made


def test_the_clients_are_connected_and_silent_until_they_leave(server: Server) -> None:
    with crowd.join(server.address, 20) as many:
        assert (len(many), many.limit, repr(many)) == (20, "", "20 clients")
        assert many.dropped() == 0
        many.say(b"hello\n")
        many.answered()
    poll(lambda: server.output.count("hello") == 20, deadline=10, said="not all were heard")


def test_each_client_has_its_own_first_line(server: Server) -> None:
    with crowd.join(server.address, 3, hello=lambda number: b"number %d\n" % number) as many:
        many.answered()
    for number in range(3):
        assert f"number {number}" in server.wait_for_output(f"number {number}", 10)


def test_descriptors_limit_a_crowd_and_it_says_so(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labsupport.crowd._room", lambda each_needs: 7)
    with crowd.join(server.address, 500) as many:
        assert len(many) == 7
        assert repr(many) == (
            "7 of 500 clients: this process may open no more descriptors, and needs two for each"
        )


def test_the_room_leaves_descriptors_over_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1024, 4096))
    room = crowd._room()
    assert room is not None
    assert 1 <= room < 500
    alone = crowd._room(1)
    assert alone is not None
    assert alone in (2 * room, 2 * room + 1)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, 0))
    assert crowd._room() is None


def test_a_full_backlog_limits_a_crowd_and_it_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        with crowd.join(listener.getsockname(), 50, timeout=0.3) as many:
            assert 1 <= len(many) < 50
            assert many.limit == "then a connect got no answer for 0.3 s"


def test_who_cannot_connect_at_all_gets_the_error() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        address = listener.getsockname()
    with pytest.raises(ConnectionRefusedError):
        crowd.join(address, 2)


def test_what_the_server_gives_up_is_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with crowd.join(listener.getsockname(), 3) as many:
            accepted = [listener.accept()[0] for _ in range(3)]
            accepted[0].sendall(b"bye")
            accepted[0].close()
            poll(lambda: many.dropped() == 1, deadline=5, said="one was closed")
            assert many.dropped() == 1
        for each in accepted:
            each.close()


def test_waiting_for_an_answer_ends() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with crowd.join(listener.getsockname(), 1) as one:
            with pytest.raises(TimeoutError):
                one.answered(timeout=0.05)
            listener.accept()[0].close()
            with pytest.raises(ConnectionError):
                one.answered()


def test_a_drip_sends_bytes_until_it_leaves_or_is_dropped() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with crowd.drip(listener.getsockname(), 2, every=0.01) as slow:
            first, second = (listener.accept()[0] for _ in range(2))
            first.settimeout(5)
            assert [first.recv(1) for _ in range(5)] == [b"x"] * 5
            first.close()
            poll(lambda: slow.dropped() == 1, deadline=5, said="the server has closed one")
            second.settimeout(5)
            assert second.recv(1) == b"x"
        while second.recv(65536):
            pass
        second.close()
    assert "drip" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("name", crowd.ATTACKS)
def test_an_attack_joins_by_its_nickname_and_is_gone_afterwards(server: Server, name: str) -> None:
    with crowd.ATTACKS[name](server.address, "Eve") as attackers:
        server_knows = "Eve\\n"
        assert len(attackers) == (100 if name == "a storm" else 1)
    assert server_knows in server.wait_for_output(server_knows, 10)
    assert all(each.fileno() == -1 for each in attackers.sockets)


def test_a_slow_reader_leaves_what_comes_to_it(server: Server) -> None:
    with crowd.slow_reader(server.address, "Eve") as attackers:
        assert attackers.sockets[0].recv(100, socket.MSG_PEEK) == b"welcome\n"


def test_a_reset_and_half_of_a_storm_reset(server: Server) -> None:
    with crowd.reset(server.address, "Eve"):
        server.wait_for_output("b'Eve\\n' ConnectionResetError", 10)
    with crowd.storm(server.address, "Bob"):
        poll(lambda: server.output.count("Bob") == 100, deadline=20, said="not all have ended")
    ends = [line for line in server.output.splitlines() if "Bob" in line]
    assert sum("ConnectionResetError" in line for line in ends) == 50
    assert {"b'Bob\\n' ConnectionResetError", "b'Bob1\\n' closed"} <= set(ends)


def test_invalid_bytes_come_after_the_nickname(server: Server) -> None:
    with crowd.invalid_bytes(server.address, "Eve"):
        said = r"b'Eve\n\xff\xfe\n' closed"
        assert said in server.wait_for_output(said, 10)
