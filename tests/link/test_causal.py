"""Cuts are causal: the next piece leaves when the receiver has read the last one."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from labsupport import Link
from labsupport.clock import Deadline, poll
from labsupport.link import causal
from labsupport.link.way import UNREAD_LIMIT

from .conftest import WAIT, Serve

pytestmark = [
    pytest.mark.linux,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what was read"),
]

Connect = Callable[[tuple[str, int]], socket.socket]
Elsewhere = Callable[[str], tuple[str, int]]

TRIALS = 200

ONE_RECV_SERVER = """
import socket
import subprocess
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(connection.recv(1024))
        while connection.recv(1024):
            pass
"""

SENDING_SERVER = """
import socket
import subprocess
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    with connection:
        connection.sendall(b"01234")
"""

COUNTING_CLIENT = """
import socket, sys
print(0, flush=True)
counts = []
for line in sys.stdin:
    with socket.create_connection(("127.0.0.1", int(line))) as client:
        sizes = []
        while data := client.recv(1024):
            sizes.append(len(data))
    print(sizes, flush=True)
"""


@pytest.fixture
def connected() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of one connection on loopback."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as one,
        listener.accept()[0] as other,
    ):
        yield one, other


# -- the probe


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "both"])
def test_the_probe_sees_bytes_until_they_are_read(host: str) -> None:
    family = socket.AF_INET if host == "127.0.0.1" else socket.AF_INET6
    with contextlib.ExitStack() as stack:
        try:
            listener = stack.enter_context(
                socket.create_server(
                    ("" if host == "both" else host, 0),
                    family=family,
                    dualstack_ipv6=host == "both",
                )
            )
        except (OSError, ValueError) as error:
            pytest.skip(f"this machine has no IPv6: {error}")
        to = ("127.0.0.1" if host == "both" else host, listener.getsockname()[1])
        client = stack.enter_context(socket.create_connection(to))
        server = stack.enter_context(listener.accept()[0])
        probe = stack.enter_context(causal.ReadProbe())
        for sender, receiver in ((client, server), (server, client)):
            assert probe.has_read(sender)
            sender.sendall(b"abc")
            assert not probe.has_read(sender)
            receiver.recv(2)
            assert not probe.has_read(sender)
            receiver.recv(2)
            assert probe.has_read(sender)


def test_bytes_for_a_connection_that_nobody_has_accepted_are_unread() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        causal.ReadProbe() as probe,
    ):
        client.sendall(b"x")
        poll(lambda: not causal.unacknowledged(client), deadline=WAIT, said="not acknowledged")
        assert not probe.has_read(client)


def test_peeking_is_not_reading(connected: tuple[socket.socket, socket.socket]) -> None:
    sender, receiver = connected
    with causal.ReadProbe() as probe:
        sender.sendall(b"x")
        assert receiver.recv(1, socket.MSG_PEEK) == b"x"
        assert not probe.has_read(sender)


def test_a_receiver_that_is_gone_has_nothing_left_to_read(
    connected: tuple[socket.socket, socket.socket],
) -> None:
    sender, receiver = connected
    with causal.ReadProbe() as probe:
        receiver.close()
        assert probe.has_read(sender)
        with contextlib.suppress(OSError):
            sender.sendall(b"x")
            sender.sendall(b"y")
        assert probe.has_read(sender)


# -- caught, every time


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_a_single_recv_in_another_process_is_caught_200_times_of_200(
    in_another_process: Elsewhere,
) -> None:
    caught = 0
    with Link(in_another_process(ONE_RECV_SERVER), to_server={"cut": 1}) as link:
        for _ in range(TRIALS):
            with socket.create_connection(link.address, timeout=WAIT) as client:
                client.sendall(b"01234")
                caught += client.recv(1024) == b"0"
    assert caught == TRIALS


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_a_single_recv_in_this_process_is_caught_200_times_of_200(serve: Serve) -> None:
    server = serve(lambda connection: connection.recv(1024))
    with Link(server, to_server={"cut": 1}) as link:
        for _ in range(TRIALS):
            with socket.create_connection(link.address, timeout=WAIT) as client:
                client.sendall(b"0123456789")
                with contextlib.suppress(ConnectionResetError):  # it closes with bytes unread
                    client.recv(1)
    assert [server.outcome(number) for number in range(TRIALS)] == [b"0"] * TRIALS


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_a_client_in_this_process_reads_five_pieces_200_times_of_200(
    in_another_process: Elsewhere,
) -> None:
    with Link(in_another_process(SENDING_SERVER), to_client={"cut": 1}) as link:
        for _ in range(TRIALS):
            with socket.create_connection(link.address, timeout=WAIT) as client:
                sizes = list(map(len, iter(lambda sock=client: sock.recv(1024), b"")))
            assert sizes == [1] * 5


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_a_client_in_another_process_reads_five_pieces_200_times_of_200(serve: Serve) -> None:

    server = serve(lambda connection: connection.sendall(b"01234"))
    with (
        Link(server, to_client={"cut": 1}) as link,
        subprocess.Popen(
            [sys.executable, "-c", COUNTING_CLIENT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as client,
    ):
        assert client.stdin is not None
        assert client.stdout is not None
        try:
            client.stdout.readline()
            for _ in range(TRIALS):
                client.stdin.write(f"{link.port}\n")
                client.stdin.flush()
                assert client.stdout.readline() == f"{[1] * 5}\n"
        finally:
            client.kill()


# -- receivers that are not like others


def test_both_directions_can_be_cut_at_once(serve: Serve, connect: Connect) -> None:
    def sizes_while_sending(sock: socket.socket) -> list[int]:
        sock.sendall(bytes(50))
        sock.shutdown(socket.SHUT_WR)
        return list(map(len, iter(lambda: sock.recv(1024), b"")))

    server = serve(sizes_while_sending)
    with Link(server, cut=2) as link:
        assert sizes_while_sending(connect(link.address)) == [2] * 25
        assert server.outcome() == [2] * 25


def test_many_connections_are_cut_at_once(serve: Serve) -> None:
    server = serve(lambda connection: connection.sendall(bytes(20)), backlog=256)
    with Link(server, to_client={"cut": 1}) as link, contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection(link.address, timeout=WAIT))
            for _ in range(100)
        ]
        for _ in range(20):
            for client in clients:
                assert client.recv(1024) == b"\0"


def test_a_receiver_that_closes_without_reading_does_not_hold_the_link(
    serve: Serve, connect: Connect
) -> None:
    server = serve(lambda connection: connection.recv(1))
    with Link(server, to_server={"cut": 1}) as link:
        client = connect(link.address)
        client.sendall(bytes(1000))
        with contextlib.suppress(ConnectionResetError):
            while client.recv(10):
                pass
        assert server.outcome() == b"\0"
        client.close()
        link.trace.wait("close", deadline=WAIT)


def test_a_receiver_that_waits_for_all_gets_all(serve: Serve, connect: Connect) -> None:
    def wait_for_ten(connection: socket.socket) -> bytes:
        connection.settimeout(None)  # with a timeout the flag does not wait
        return connection.recv(10, socket.MSG_WAITALL)

    server = serve(wait_for_ten)
    with Link(server, to_server={"cut": 1}) as link:
        connect(link.address).sendall(b"0123456789")
        assert server.outcome() == b"0123456789"


def test_a_receiver_that_peeks_gets_the_next_piece_after_a_while(
    serve: Serve, connect: Connect
) -> None:
    def peek_for_two(connection: socket.socket) -> bytes:
        until = Deadline(WAIT)
        return poll(
            lambda: (seen := connection.recv(10, socket.MSG_PEEK))[1:] and seen,
            deadline=until,
            said="the second byte never came",
        )

    server = serve(peek_for_two)
    with Link(server, to_server={"cut": 1}) as link:
        connect(link.address).sendall(b"ab")
        assert server.outcome() == b"ab"
        first, second = link.trace.select(kind="sent", direction="to_server")
        assert second.at - first.at >= UNREAD_LIMIT
        notes = [event.note for event in link.trace.select(kind="fault", direction="to_server")]
        assert notes[1:] == ["the receiver left bytes unread for 2 s; going on"]


def test_waiting_for_a_receiver_does_not_keep_the_processor_busy(
    serve: Serve, connect: Connect
) -> None:
    """The link looks some hundred times a second, not as often as it can."""
    free = threading.Event()
    looks = 0

    class Counting(causal.ReadProbe):
        def has_read(self, sock: socket.socket) -> bool:
            nonlocal looks
            looks += 1
            return super().has_read(sock)

    server = serve(lambda connection: free.wait(WAIT))
    with Link(server, to_server={"cut": 1}) as link:
        assert link._running is not None
        with Counting() as probe:
            link._running.relay.probe = probe  # type: ignore[union-attr]
            connect(link.address).sendall(b"abc")
            link.trace.wait("sent", direction="to_server", count=2, deadline=WAIT)
            free.set()
            link.stop()
    assert 20 < looks < 1500  # in 2 seconds


def test_where_the_system_cannot_tell_the_link_says_so_and_still_cuts(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(causal, "available", lambda: False)

    def read_all(connection: socket.socket) -> bytes:
        return b"".join(iter(lambda: connection.recv(100), b""))

    server = serve(read_all)
    with Link(server, cut=1) as link:
        assert not link.causal
        client = connect(link.address)
        client.sendall(b"0123")
        client.shutdown(socket.SHUT_WR)
        assert server.outcome() == b"0123"
        sent = link.trace.select(kind="sent", direction="to_server")
        assert [event.data for event in sent] == [b"0", b"1", b"2", b"3"]
