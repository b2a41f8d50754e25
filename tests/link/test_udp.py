"""A UDP link: datagrams stay whole, and are lost, doubled, swapped by their numbers."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labsupport import Link
from labsupport.clock import now
from labsupport.link import udp
from labsupport.link.faults import DIRECTIONS
from labsupport.trace import Direction, Event

from .conftest import WAIT

Peer = Callable[[], socket.socket]


@pytest.fixture
def peer() -> Iterator[Peer]:
    """peer() is a bound datagram socket on loopback with a timeout, closed after the test."""
    with contextlib.ExitStack() as stack:

        def make() -> socket.socket:
            sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.bind(("127.0.0.1", 0))
            sock.settimeout(WAIT)
            return sock

        yield make


def passed(
    peer: Peer, direction: Direction, count: int, expected: int, **faults: Any
) -> tuple[list[bytes], Link]:
    """Send numbered datagrams of 8 bytes in one direction; the ones that come, and the link."""
    server, client = peer(), peer()
    with Link(server.getsockname(), transport="udp", **{direction: faults}) as link:
        client.sendto(b"hello", link.address)
        _, back = server.recvfrom(100)
        if direction == "to_server":
            receiver, send = server, lambda data: client.sendto(data, link.address)
            first = 1  # the greeting was datagram 0 of this direction
        else:
            receiver, send = client, lambda data: server.sendto(data, back)
            first = 0
        for number in range(first, first + count):
            send(b"%08d" % number)
        got = [receiver.recvfrom(100)[0] for _ in range(expected)]
        link.trace.wait("datagram", direction=direction, count=count + expected)
        receiver.settimeout(0.05)
        with pytest.raises(TimeoutError):
            receiver.recv(100)  # no more than expected
    return got, link


def numbers(got: list[bytes]) -> list[int]:
    return [int(data) for data in got]


both_directions = pytest.mark.parametrize("direction", DIRECTIONS)


@both_directions
def test_without_faults_every_datagram_passes_whole(peer: Peer, direction: Direction) -> None:
    got, link = passed(peer, direction, 20, 20)
    assert numbers(got) == sorted(numbers(got))
    assert len(set(got)) == 20
    assert len(link.trace.select(kind="datagram", direction=direction)) >= 40


@both_directions
def test_chosen_datagrams_are_lost(peer: Peer, direction: Direction) -> None:
    got, link = passed(peer, direction, 5, 3, lose=(2, 3))
    assert not {2, 3} & set(numbers(got))
    notes = [event.note for event in link.trace.select(kind="fault", direction=direction)]
    assert notes == ["lose=(2, 3)", "datagram 2: lost", "datagram 3: lost"]


@both_directions
def test_chosen_datagrams_come_twice(peer: Peer, direction: Direction) -> None:
    got, _ = passed(peer, direction, 4, 5, duplicate=(2,))
    assert numbers(got).count(2) == 2


@both_directions
def test_a_chosen_datagram_is_swapped_with_the_next(peer: Peer, direction: Direction) -> None:
    got, _ = passed(peer, direction, 4, 4, reorder=(2,))
    seen = numbers(got)
    assert seen.index(3) + 1 == seen.index(2)


def test_a_swapped_datagram_without_a_next_leaves_alone(peer: Peer) -> None:
    _, link = passed(peer, "to_server", 2, 2, reorder=(2,))
    sent = link.trace.select(kind="datagram", direction="to_server")[-1]
    assert sent.note == "sent"
    note = link.trace.select(kind="fault")[-1].note
    assert note == f"datagram 2: no other came in {udp.SWAP_LIMIT:g} s to swap with"


@both_directions
def test_datagrams_are_shortened(peer: Peer, direction: Direction) -> None:
    got, _ = passed(peer, direction, 3, 3, truncate=4)
    assert got == [b"0000"] * 3


@both_directions
def test_one_bit_of_a_chosen_datagram_is_inverted(peer: Peer, direction: Direction) -> None:
    got, _ = passed(peer, direction, 3, 3, corrupt=(2,))
    first = 1 if direction == "to_server" else 0
    whole = [b"%08d" % number for number in range(first, first + 3)]
    flips = [
        sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))
        for one, other in zip(got, whole, strict=True)
    ]
    assert sorted(flips) == [0, 0, 1]
    assert flips[2 - first] == 1


@both_directions
def test_datagrams_are_delayed(peer: Peer, direction: Direction) -> None:
    _, link = passed(peer, direction, 1, 1, delay=0.1)
    came, left = link.trace.select(kind="datagram", direction=direction)[-2:]
    assert (came.note, left.note) == ("received", "sent")
    assert left.at - came.at >= 0.09


def test_jitter_makes_datagrams_overtake_each_other(peer: Peer) -> None:
    got, _ = passed(peer, "to_client", 30, 30, jitter=0.2)
    assert sorted(numbers(got)) == list(range(30))
    assert numbers(got) != list(range(30))


def test_the_same_seed_loses_the_same_datagrams(peer: Peer) -> None:
    def lost(seed: int) -> list[str]:
        server, client = peer(), peer()
        with Link(server.getsockname(), transport="udp", lose=0.5, seed=seed) as link:
            for number in range(41):
                client.sendto(b"%d" % number, link.address)
            seen: tuple[Event, ...] = ()
            while sum(event.note == "received" for event in seen) < 41:
                seen = link.trace.wait("datagram", direction="to_server", count=len(seen) + 1)
            # The last one may not have met its fate yet; all before it have.
            faults = [event.note for event in link.trace.select(kind="fault")][2:]
            return [fault for fault in faults if not fault.startswith("datagram 40:")]

    assert lost(1) == lost(1)
    assert lost(1) != lost(2)
    assert 8 < len(lost(1)) < 32


def test_replies_find_their_way_to_each_client(peer: Peer) -> None:
    server, *clients = (peer() for _ in range(6))
    with Link(server.getsockname(), transport="udp") as link:
        for number, client in enumerate(clients):
            client.sendto(b"%d" % number, link.address)
        sources = set()
        for _ in clients:
            data, source = server.recvfrom(100)
            sources.add(source)
            server.sendto(b"reply to " + data, source)
        assert len(sources) == 5
        for number, client in enumerate(clients):
            assert client.recvfrom(100) == (b"reply to %d" % number, link.address)
        seen = link.connections
        assert [each.client for each in seen] == [client.getsockname() for client in clients]
        assert [each.to_server for each in seen] == [1] * 5
        assert {each.near for each in seen} == sources


def test_an_empty_datagram_passes_and_ends_nothing(peer: Peer) -> None:
    server, client = peer(), peer()
    with Link(server.getsockname(), transport="udp", corrupt=1.0) as link:
        for data in (b"", b""):
            client.sendto(data, link.address)
            assert server.recvfrom(100)[0] == data


def test_faults_change_while_the_link_runs(peer: Peer) -> None:
    server, client = peer(), peer()
    with Link(server.getsockname(), transport="udp", lose=1.0) as link:
        client.sendto(b"lost", link.address)
        link.trace.wait("fault", direction="to_server", count=2)
        link.change("to_server", lose=None)
        client.sendto(b"here", link.address)
        assert server.recv(100) == b"here"


def test_a_closed_server_port_is_told_in_the_trace(peer: Peer) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        address = sock.getsockname()
    client = peer()
    with Link(address, transport="udp") as link:
        client.sendto(b"anybody?", link.address)
        (event,) = link.trace.wait("error")
        assert "refused" in event.note


def test_too_many_clients_replace_the_longest_silent(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "MOST_CLIENTS", 2)
    server, one, two, three = (peer() for _ in range(4))
    with Link(server.getsockname(), transport="udp") as link:
        for client in (one, two, one, three):
            client.sendto(b"x", link.address)
            server.recv(10)
        known = [each.client for each in link.connections]
        assert known == [one.getsockname(), three.getsockname()]


def test_a_stop_does_not_wait_for_held_datagrams(peer: Peer) -> None:
    server, client = peer(), peer()
    with Link(server.getsockname(), transport="udp", delay=60) as link:
        client.sendto(b"held", link.address)
        link.trace.wait("datagram")
        began = now()
    assert now() - began < WAIT
    assert not link.running
