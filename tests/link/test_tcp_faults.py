"""Every TCP fault on real sockets, in both directions, and changed while the link runs."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable
from typing import Any

import pytest

from labsupport import Link
from labsupport.clock import now
from labsupport.link.faults import DIRECTIONS
from labsupport.trace import Direction, Event

from .conftest import WAIT, Serve, Server

Connect = Callable[[tuple[str, int]], socket.socket]

MESSAGE = b"0123456789"

both_directions = pytest.mark.parametrize("direction", DIRECTIONS)


def chunks(sock: socket.socket) -> list[bytes]:
    """What each recv returned, until the end or a reset."""
    got = []
    try:
        while data := sock.recv(1000):
            got.append(data)
    except ConnectionResetError:
        return [*got, b"RST"]
    return [*got, b"EOF"]


def exchange(
    serve: Serve,
    connect: Connect,
    direction: Direction,
    sent: bytes = MESSAGE,
    *,
    end: bool = True,
    **faults: Any,
) -> tuple[list[bytes], list[Event], Link]:
    """Send bytes in one direction through a link with faults in that direction.

    What the receiver's recvs returned, what happened in that direction, and the link.
    """

    def send(sock: socket.socket) -> list[bytes]:
        sock.sendall(sent)
        if end:
            sock.shutdown(socket.SHUT_WR)
        return chunks(sock)

    outward = direction == "to_server"
    server = serve(chunks if outward else send)
    with Link(server, **{direction: faults}) as link:
        client = connect(link.address)
        if outward:
            send(client)
            client.close()
            got = server.outcome()
        else:
            got = chunks(client)
            client.close()
        link.trace.wait("close", deadline=WAIT)
    assert isinstance(got, list)
    return got, [event for event in link.trace.events if event.direction == direction], link


def notes(events: list[Event], kind: str = "fault") -> list[str]:
    return [event.note for event in events if event.kind == kind]


def moment(events: list[Event], kind: str, offset: int = 0) -> float:
    """When the byte at this offset was received or sent by the link."""
    return next(
        event.at
        for event in events
        if event.kind == kind and event.offset <= offset < event.offset + len(event.data)
    )


# -- each fault


@both_directions
def test_a_delay_holds_every_byte_and_the_end(
    serve: Serve, connect: Connect, direction: Direction
) -> None:
    got, events, _ = exchange(serve, connect, direction, delay=0.15)
    assert got == [MESSAGE, b"EOF"]
    assert moment(events, "sent") - moment(events, "received") >= 0.15
    ends = [event.at for event in events if event.kind == "eof"]
    assert ends[1] - ends[0] >= 0.15
    assert "delay=0.15" in notes(events)


@both_directions
def test_jitter_holds_blocks_differently_and_keeps_their_order(
    serve: Serve, connect: Connect, direction: Direction
) -> None:
    stream = random.Random(5).randbytes(640)
    got, events, _ = exchange(serve, connect, direction, stream, jitter=0.1)
    assert b"".join(got[:-1]) == stream
    first, last = moment(events, "sent"), moment(events, "sent", 639)
    assert last > first
    assert moment(events, "received", 639) < last


@both_directions
def test_a_rate_spreads_the_bytes(serve: Serve, connect: Connect, direction: Direction) -> None:
    got, events, _ = exchange(serve, connect, direction, bytes(100), rate=500)
    assert b"".join(got[:-1]) == bytes(100)
    assert len(got) > 3
    assert moment(events, "sent", 99) - moment(events, "received") >= 100 / 500


@both_directions
@pytest.mark.parametrize(
    ("cut", "pieces"),
    [
        (1, [b"%d" % n for n in range(10)]),
        (4, [b"0123", b"4567", b"89"]),
        ((3, 1, 5), [b"012", b"3", b"45678", b"9"]),
    ],
)
def test_cut_pieces_are_read_one_by_one(
    serve: Serve,
    connect: Connect,
    direction: Direction,
    cut: int | tuple[int, ...],
    pieces: list[bytes],
) -> None:
    got, events, link = exchange(serve, connect, direction, cut=cut)
    assert [event.data for event in events if event.kind == "sent"] == pieces
    if link.causal:
        assert got == [*pieces, b"EOF"]


@both_directions
def test_merged_bytes_are_held_until_there_are_enough_or_the_end_comes(
    serve: Serve, connect: Connect, direction: Direction
) -> None:
    _, events, _ = exchange(serve, connect, direction, merge=4)
    pieces = [event.data for event in events if event.kind == "sent"]
    assert pieces == [b"0123", b"4567", b"89"]


@both_directions
def test_truncate_drops_the_rest_and_ends_both_directions_cleanly(
    serve: Serve, connect: Connect, direction: Direction
) -> None:
    got, events, link = exchange(serve, connect, direction, end=False, truncate=4)
    assert b"".join(got) == b"0123EOF"
    assert notes(events)[0] == "truncate at offset 4"
    assert notes(events)[1] == "6 bytes dropped"
    assert len(link.trace.select(kind="eof")) == 4
    assert not link.trace.select(kind="reset")


@both_directions
def test_corrupt_inverts_one_bit_and_tells_which(
    serve: Serve, connect: Connect, direction: Direction
) -> None:
    got, events, _ = exchange(serve, connect, direction, corrupt=(2, 7))
    arrived = b"".join(got[:-1])
    different = [at for at in range(10) if arrived[at] != MESSAGE[at]]
    assert different == [2, 7]
    assert all((arrived[at] ^ MESSAGE[at]).bit_count() == 1 for at in different)
    assert [note[-29:] for note in notes(events)] == [
        "of the byte at offset 2 inverted"[-29:],
        "of the byte at offset 7 inverted"[-29:],
    ]


@both_directions
def test_half_close_ends_this_direction_and_the_other_goes_on(
    serve: Serve, connect: Connect, direction: Direction
) -> None:
    def first_reads(sock: socket.socket) -> list[bytes]:
        got = chunks(sock)
        sock.sendall(b"I read " + b"".join(got))
        return got

    def first_sends(sock: socket.socket) -> list[bytes]:
        sock.sendall(MESSAGE)
        return chunks(sock)

    outward = direction == "to_server"
    server = serve(first_reads if outward else first_sends)
    with Link(server, **{direction: {"half_close": 4}}) as link:
        client = connect(link.address)
        seen = (first_sends if outward else first_reads)(client)
        client.close()
        other = server.outcome()
    ended, answered = (other, seen) if outward else (seen, other)
    assert ended == [b"0123", b"EOF"]
    assert answered == [b"I read 0123EOF", b"EOF"]


@both_directions
def test_reset_reaches_both_ends_when_the_receiver_has_read_what_came_before(
    serve: Serve, connect: Connect, direction: Direction
) -> None:
    def send(sock: socket.socket) -> list[bytes]:
        sock.sendall(MESSAGE)
        return chunks(sock)

    outward = direction == "to_server"
    server = serve(chunks if outward else send)
    with Link(server, **{direction: {"reset": 4}}) as link:
        client = connect(link.address)
        seen, other = (send if outward else chunks)(client), server.outcome()
    sender, receiver = (seen, other) if outward else (other, seen)
    assert sender == [b"RST"]
    assert receiver == [b"0123", b"RST"]
    assert [event.direction for event in link.trace.select(kind="reset")] == [
        "to_client",
        "to_server",
    ]


def test_a_reset_at_offset_0_needs_no_byte(serve: Serve, connect: Connect) -> None:
    server = serve(chunks)
    with Link(server, reset=0) as link:
        with pytest.raises(ConnectionResetError):  # by connect, when the reset is quick
            connect(link.address).recv(1)
        assert server.outcome() == [b"RST"]


@both_directions
def test_bytes_of_a_modelled_retransmission_come_late_and_in_order(
    serve: Serve, connect: Connect, direction: Direction
) -> None:
    got, events, _ = exchange(serve, connect, direction, retransmit_delay=4, rto=0.15)
    assert b"".join(got[:-1]) == MESSAGE
    assert moment(events, "sent", 4) - moment(events, "sent", 3) >= 0.14
    assert "modelled" in notes(events)[0]


@both_directions
def test_a_stall_holds_bytes_and_end_until_it_is_released(
    serve: Serve, connect: Connect, direction: Direction
) -> None:
    outward = direction == "to_server"

    def send(sock: socket.socket) -> list[bytes]:
        sock.sendall(MESSAGE)
        sock.shutdown(socket.SHUT_WR)
        return chunks(sock)

    server = serve(chunks if outward else send)
    with Link(server, **{direction: {"stall": 4}}) as link:
        client = connect(link.address)
        if outward:
            client.sendall(MESSAGE)
            client.shutdown(socket.SHUT_WR)
        link.trace.wait("eof", direction=direction)
        assert link.trace.bytes(direction, kind="sent") == b"0123"
        assert link.trace.select(kind="fault", direction=direction)[0].note == (
            "stall: bytes from offset 4 on are held"
        )
        link.release()
        got = server.outcome() if outward else chunks(client)
        assert isinstance(got, list)
        assert b"".join(got) == MESSAGE + b"EOF"


def test_large_pieces_wait_for_all_their_bytes(serve: Serve, connect: Connect) -> None:
    stream = random.Random(2).randbytes(700_000)
    got, _, link = exchange(serve, connect, "to_client", stream, cut=(10, 300_000))
    assert b"".join(got[:-1]) == stream
    ends, at = set(), 0
    for data in got[:-1]:
        at += len(data)
        ends.add(at)
    if link.causal:
        assert ends >= {10, 300_010, 300_020, 600_020, 600_030}


# -- together


def test_a_reset_inside_a_piece_ends_the_piece_there(serve: Serve, connect: Connect) -> None:
    server = serve(chunks)
    with Link(server, to_server={"cut": 3, "reset": 5}) as link:
        client = connect(link.address)
        client.sendall(MESSAGE)
        assert chunks(client) == [b"RST"]
        sent = link.trace.select(kind="sent", direction="to_server")
        assert [event.data for event in sent] == [b"012", b"34"]
        if link.causal:
            assert server.outcome() == [b"012", b"34", b"RST"]


def test_cut_pieces_travel_after_the_delay(serve: Serve, connect: Connect) -> None:
    got, events, link = exchange(serve, connect, "to_server", cut=5, delay=0.1)
    assert moment(events, "sent") - moment(events, "received") >= 0.1
    if link.causal:
        assert got == [b"01234", b"56789", b"EOF"]


def test_merged_blocks_are_cut_again(serve: Serve, connect: Connect) -> None:
    _, events, _ = exchange(serve, connect, "to_server", merge=8, cut=3)
    pieces = [event.data for event in events if event.kind == "sent"]
    assert pieces == [b"012", b"345", b"67", b"8", b"9"]


# -- replay


def pieces_of(server: Server, stream: bytes, sizes: list[int], **faults: Any) -> list[bytes]:
    """Send a stream in sends of these sizes, and give the pieces that the link sent on."""
    with Link(server, to_server={"stall": 0, **faults}, seed=3) as link:
        with socket.create_connection(link.address, timeout=WAIT) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            rest = stream
            for size in sizes:
                client.sendall(rest[:size])
                rest = rest[size:]
            client.shutdown(socket.SHUT_WR)
            link.trace.wait("eof", direction="to_server")
            link.release()
            while client.recv(1000):
                pass
        return [event.data for event in link.trace.select(kind="sent", direction="to_server")]


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize(
    "faults",
    [
        {"cut": 1},
        {"cut": (3, 1, 5)},
        {"cut": 7, "merge": 16},
        {"cut": 9, "corrupt": (0, 8, 40), "truncate": 71},
        {"cut": 5, "jitter": 0.01},
        {"merge": 10},
    ],
)
def test_the_same_bytes_give_the_same_pieces_whatever_the_sends_on_a_busy_machine(
    serve: Serve, faults: dict[str, Any]
) -> None:
    server = serve(chunks)
    draw = random.Random(8)
    stream = draw.randbytes(80)
    whole = pieces_of(server, stream, [80], **faults)
    assert len(whole) > 4
    for most in (1, 3, 30):
        sizes = [draw.randint(1, most) for _ in stream]
        assert pieces_of(server, stream, sizes, **faults) == whole


@pytest.mark.usefixtures("busy")
def test_pieces_of_a_live_stream_never_cross_their_walls(serve: Serve) -> None:
    """No stall here: the sender's pauses may add walls, but none is missing."""
    server = serve(chunks)
    draw = random.Random(9)
    with (
        Link(server, to_server={"cut": (3, 1, 5)}) as link,
        socket.create_connection(link.address, timeout=WAIT) as client,
    ):
        for _ in range(60):
            client.sendall(draw.randbytes(draw.randint(1, 6)))
        client.shutdown(socket.SHUT_WR)
        while client.recv(1000):
            pass
        sent = link.trace.select(kind="sent", direction="to_server")
    starts = {event.offset for event in sent}
    total = sent[-1].offset + len(sent[-1].data)
    assert starts >= {9 * turn + at for turn in range(total // 9) for at in (0, 3, 4)}


# -- changes


def test_faults_change_while_the_link_runs(serve: Serve, connect: Connect) -> None:
    server = serve(lambda connection: connection.sendall(b"".join(chunks(connection)[:-1])))
    with Link(server) as link:
        client = connect(link.address)
        client.sendall(b"ab")
        link.trace.wait("sent", direction="to_server")
        link.change("to_server", cut=1)
        client.sendall(b"cd")
        link.trace.wait("sent", direction="to_server", count=3)
        link.change("to_server", cut=None)
        client.sendall(b"ef")
        client.shutdown(socket.SHUT_WR)
        assert chunks(client) == [b"abcdef", b"EOF"]
        sent = [event.data for event in link.trace.select(kind="sent", direction="to_server")]
        assert sent == [b"ab", b"c", b"d", b"ef"]
        changes = [event.note for event in link.trace.select(kind="fault", connection=0)]
        assert changes == ["changed: cut=1", "changed: cut=None"]


def test_a_change_concerns_bytes_that_are_held_already(serve: Serve, connect: Connect) -> None:
    server = serve(chunks)
    with Link(server, delay=60) as link:
        client = connect(link.address)
        client.sendall(MESSAGE)
        client.shutdown(socket.SHUT_WR)
        link.trace.wait("eof", direction="to_server")
        link.change(delay=None)
        assert server.outcome() == [MESSAGE, b"EOF"]


@pytest.mark.parametrize(
    ("fault", "client_sees", "server_sees"),
    [
        ("reset", [b"RST"], [b"ab", b"RST"]),
        ("truncate", [b"EOF"], [b"ab", b"EOF"]),
    ],
)
def test_an_offset_that_is_passed_acts_at_once(
    serve: Serve, connect: Connect, fault: str, client_sees: list[bytes], server_sees: list[bytes]
) -> None:
    server = serve(chunks)
    with Link(server) as link:
        client = connect(link.address)
        client.sendall(b"ab")
        link.trace.wait("sent", direction="to_server")
        link.change("to_server", **{fault: 0})
        assert chunks(client) == client_sees
        assert server.outcome() == server_sees


def test_a_change_before_the_start_is_part_of_the_configuration(
    serve: Serve, connect: Connect
) -> None:
    server = serve(chunks)
    link = Link(cut=2)
    link.change("to_server", cut=None, reset=3)
    with link.start(server):
        client = connect(link.address)
        client.sendall(MESSAGE)
        assert chunks(client) == [b"RST"]
        assert server.outcome() == [b"012", b"RST"]


def test_changing_a_stopped_link_is_harmless(serve: Serve) -> None:
    link = Link(serve(chunks))
    link.stop()
    link.change(cut=1)
    link.release()
    assert link.faults["to_server"] == {"cut": 1}


def test_a_truncated_connection_ends_although_the_sender_does_not(
    serve: Serve, connect: Connect
) -> None:
    server = serve(chunks)
    with Link(server, to_server={"truncate": 2}) as link:
        client = connect(link.address)
        client.sendall(b"abc")
        began = now()
        assert client.recv(10) == b""
        link.trace.wait("close", deadline=WAIT)  # the client never closes
        assert now() - began < WAIT
