"""Both ends of a connection in one place."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from labsupport import pictures
from labsupport.ends import arrived, connected
from labsupport.link import Link
from labsupport.trace import Trace


def test_two_sockets_are_connected_directly_and_recorded() -> None:
    trace = Trace()
    with connected(trace) as (client, server):
        assert client.getpeername() == server.getsockname()
        assert client.getsockname() == server.getpeername()
        client.sendall(b"ping")
        assert server.recv(100) == b"ping"
        server.sendall(b"pong")
        assert client.recv(100) == b"pong"
    assert trace.bytes("to_server", where="client", kind="sent") == b"ping"
    assert trace.bytes("to_client", where="client", kind="received") == b"pong"
    assert {event.where for event in trace.events} == {"client", "server"}


def test_a_cable_lies_between_them_and_its_faults_act() -> None:
    cable = Link(to_server={"cut": 2})
    if not cable.causal:
        pytest.skip("cuts are exact on Linux only")
    with connected(Trace(), cable) as (client, server):
        assert client.getpeername() == cable.address
        client.sendall(b"abcde")
        assert [server.recv(100) for _ in range(3)] == [b"ab", b"cd", b"e"]
    assert not cable.running


def test_a_cable_may_record_into_the_same_trace() -> None:
    trace = Trace()
    with connected(trace, Link(cut=3, trace=trace, name="cable")) as (client, server):
        client.sendall(b"abcd")
        while len(trace.bytes("to_server", where="server", kind="received")) < 4:
            server.recv(100)
    rows = pictures.byte_axis(trace, finding="The cable cuts.").data["rows"]
    assert list(rows) == ["client sent", "cable sent", "server read"]


def test_a_wait_at_either_end_is_bounded() -> None:
    with connected(Trace(), timeout=0.05) as ends:
        for end in ends:
            with pytest.raises(TimeoutError):
                end.recv(1)


@pytest.mark.parametrize("cable", [None, Link(name="a cable")], ids=["directly", "through a cable"])
def test_nothing_is_left_after_the_block_even_when_it_fails(cable: Link | None) -> None:
    before = threading.active_count()
    seen: list[Any] = []

    def fail() -> None:
        with connected(Trace(), cable) as (client, server):
            seen.extend((client, server, client.getpeername()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    client, server, address = seen
    assert client.fileno() == server.fileno() == -1
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=5)


def test_a_cable_that_has_been_used_is_refused() -> None:
    cable = Link()
    with connected(Trace(), cable):
        pass
    with pytest.raises(RuntimeError, match="make a new Link"), connected(Trace(), cable):
        pass


def test_arrived_waits_until_one_read_can_take_it_all() -> None:
    trace = Trace()
    with connected(trace) as (client, server):

        def send_later() -> None:
            for byte in b"abc":
                client.sendall(bytes([byte]))

        sender = threading.Thread(target=send_later)
        sender.start()
        arrived(server, 3)
        sender.join()
        assert server.gettimeout() == 5
        assert server.recv(100) == b"abc"
    assert [event.kind for event in trace.events if event.where == "server"] == [
        "open", "received", "close",
    ]  # fmt: skip


def test_arrived_gives_up_and_says_so() -> None:
    with connected(Trace()) as (client, server):
        client.sendall(b"ab")
        client.shutdown(socket.SHUT_WR)
        server.settimeout(None)
        with pytest.raises(TimeoutError, match=r"fewer than 3 bytes came within 0\.05 s"):
            arrived(server, 3, timeout=0.05)
        assert server.gettimeout() is None
        assert server.recv(100) == b"ab"


def test_arrived_passes_a_broken_connection_on() -> None:
    with connected(Trace()) as (client, server):
        server.sendall(b"unread")
        arrived(client, 6)
        client.close()
        with pytest.raises(ConnectionResetError):
            arrived(server, 1)
