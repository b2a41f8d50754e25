"""A TCP link without faults: nothing is lost, ends are passed on, and nothing is left behind."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import selectors
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from labsupport import Link, Trace, record
from labsupport.clock import Deadline, poll
from labsupport.link.way import READ_AHEAD

from .conftest import WAIT, Serve

Connect = Callable[[tuple[str, int]], socket.socket]

RESET_ON_CLOSE = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
BLOCK = random.Random(1).randbytes(1 << 20)


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    sock.close()


def digest(sock: socket.socket) -> tuple[int, str]:
    """How many bytes come until the end, and their hash."""
    count, hashed = 0, hashlib.blake2b()
    while data := sock.recv(1 << 18):
        count += len(data)
        hashed.update(data)
    return count, hashed.hexdigest()


def expected(blocks: int) -> tuple[int, str]:
    hashed = hashlib.blake2b()
    for _ in range(blocks):
        hashed.update(BLOCK)
    return blocks << 20, hashed.hexdigest()


def send_blocks(sock: socket.socket, blocks: int) -> None:
    for _ in range(blocks):
        sock.sendall(BLOCK)
    sock.shutdown(socket.SHUT_WR)


# -- bytes


def test_200_megabytes_reach_the_server_intact(serve: Serve, connect: Connect) -> None:
    server = serve(digest)
    with Link(server) as link:
        send_blocks(connect(link.address), 200)
        assert server.outcome() == expected(200)
        assert link.trace.dropped > 100 << 20  # the trace did not keep 400 MB


def test_64_megabytes_reach_the_client_intact(serve: Serve, connect: Connect) -> None:
    server = serve(lambda connection: send_blocks(connection, 64))
    with Link(server) as link:
        assert digest(connect(link.address)) == expected(64)


def test_both_directions_at_once_do_not_block_each_other(serve: Serve, connect: Connect) -> None:
    def both(sock: socket.socket) -> tuple[int, str]:
        sending = threading.Thread(target=send_blocks, args=(sock, 16))
        sending.start()
        seen = digest(sock)
        sending.join(WAIT)
        return seen

    server = serve(both)
    with Link(server) as link:
        assert both(connect(link.address)) == expected(16)
        assert server.outcome() == expected(16)


def test_the_trace_holds_what_the_link_read_and_wrote(serve: Serve, connect: Connect) -> None:
    server = serve(echo)
    with Link(server) as link:
        client = connect(link.address)
        client.sendall(b"ping")
        assert client.recv(10) == b"ping"
        client.shutdown(socket.SHUT_WR)
        assert client.recv(10) == b""
        link.trace.wait("close")
    seen = [(event.direction, event.kind, event.data) for event in link.trace.events]
    assert seen == [
        (None, "open", b""),
        ("to_server", "received", b"ping"),
        ("to_server", "sent", b"ping"),
        ("to_client", "received", b"ping"),
        ("to_client", "sent", b"ping"),
        ("to_server", "eof", b""),
        ("to_server", "eof", b""),
        ("to_client", "eof", b""),
        ("to_client", "eof", b""),
        (None, "close", b""),
    ]


def test_connections_are_numbered_and_seen_while_they_are_open(
    serve: Serve, connect: Connect
) -> None:
    server = serve(echo)
    with Link(server) as link:
        clients = [connect(link.address) for _ in range(3)]
        for number, client in enumerate(clients, 1):
            client.sendall(b"x" * number)
            client.recv(10)
        seen = link.connections
        assert [each.number for each in seen] == [1, 2, 3]
        assert [each.client for each in seen] == [client.getsockname() for client in clients]
        assert [(each.to_server, each.to_client) for each in seen] == [(1, 1), (2, 2), (3, 3)]
        assert {each.server for each in seen} == {server.address}
        clients[1].close()
        link.trace.wait("close", connection=2)
        assert [each.number for each in link.connections] == [1, 3]
    assert link.connections == ()


def test_a_sender_notices_that_nobody_reads(serve: Serve, connect: Connect) -> None:
    free = threading.Event()
    server = serve(lambda connection: free.wait(WAIT) and len(read_all(connection)))
    with Link(server) as link:
        link.trace.max_bytes = 0
        client = connect(link.address)
        client.settimeout(0.2)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 100 << 20:
                sent += client.send(BLOCK)
        assert sent < 100 << 20
        (here,) = link.connections
        read = link.trace.select(kind="received", direction="to_server")[-1].offset
        assert read - here.to_server < READ_AHEAD
        free.set()
        client.settimeout(WAIT)
        client.shutdown(socket.SHUT_WR)
        assert server.outcome() == sent


# -- ends


def test_the_client_can_end_its_direction_and_read_on(serve: Serve, connect: Connect) -> None:
    server = serve(lambda connection: connection.sendall(read_all(connection).upper()))
    with Link(server) as link:
        client = connect(link.address)
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"QUESTION"


def test_the_server_can_end_its_direction_and_read_on(serve: Serve, connect: Connect) -> None:
    def end_first(connection: socket.socket) -> bytes:
        connection.sendall(b"bye")
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection)

    server = serve(end_first)
    with Link(server) as link:
        client = connect(link.address)
        assert read_all(client) == b"bye"
        client.sendall(b"still here")
        client.shutdown(socket.SHUT_WR)
        assert server.outcome() == b"still here"


def test_a_reset_by_the_client_reaches_the_server_behind_the_bytes(
    serve: Serve, connect: Connect
) -> None:
    def read_until_reset(connection: socket.socket) -> bytes:
        got = b""
        try:
            while data := connection.recv(100):
                got += data
        except ConnectionResetError:
            return got + b" RST"
        return got + b" EOF"

    server = serve(read_until_reset)
    with Link(server) as link:
        client = connect(link.address)
        client.sendall(b"bytes")
        reset(client)
        assert server.outcome() == b"bytes RST"
        link.trace.wait("close")
        notes = [event.note for event in link.trace.select(kind="reset", direction="to_server")]
        assert notes == ["received", "sent: its sender reset the connection"]


def test_a_reset_by_the_server_reaches_the_client_behind_the_bytes(
    serve: Serve, connect: Connect
) -> None:
    def answer_and_reset(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(b"half an answ")
        reset(connection)

    server = serve(answer_and_reset)
    with Link(server) as link:
        client = connect(link.address)
        client.sendall(b"question")
        assert client.recv(100) == b"half an answ"
        with pytest.raises(ConnectionResetError):
            client.recv(100)


def test_a_reset_passes_a_receiver_whose_window_is_closed(serve: Serve, connect: Connect) -> None:
    filled, seen = threading.Event(), threading.Event()

    def read_late(connection: socket.socket) -> str:
        filled.wait(WAIT)
        seen.wait(WAIT)
        try:
            read_all(connection)
        except ConnectionResetError:
            return "RST"
        return "EOF"

    server = serve(read_late)
    with Link(server) as link:
        client = connect(link.address)
        client.settimeout(0.1)
        with contextlib.suppress(TimeoutError):
            while True:
                client.send(BLOCK)
        reset(client)
        filled.set()
        link.trace.wait("reset", direction="to_server", count=1, deadline=WAIT)
        seen.set()
        assert server.outcome() == "RST"


def test_bytes_for_a_server_that_has_closed_come_back_as_a_reset(
    serve: Serve, connect: Connect
) -> None:
    server = serve(lambda connection: connection.recv(100))
    with Link(server) as link:
        client = connect(link.address)
        client.sendall(b"bye")
        assert client.recv(100) == b""  # the server has closed both its directions
        client.sendall(b"anybody?")
        link.trace.wait("reset", direction="to_client", count=2)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            client.sendall(b"no")


def test_a_refused_connection_shows_as_a_reset_with_its_reason(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with Link(address) as link:
        with pytest.raises(ConnectionResetError):  # by connect, when the reset is quick
            connect(link.address).recv(1)
        (event,) = link.trace.select(kind="reset")
        assert event.direction == "to_client"
        assert "the server refused the connection" in event.note


def test_a_link_can_stand_before_a_server_that_comes_later(serve: Serve, connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    with Link(address) as link:
        with contextlib.suppress(ConnectionResetError):
            connect(link.address).recv(1)
        with socket.create_server(address) as listener:
            client = connect(link.address)
            accepted, _ = listener.accept()
            with accepted:
                client.sendall(b"now")
                accepted.settimeout(WAIT)
                assert accepted.recv(3) == b"now"


# -- addresses


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_a_link_to_an_ipv6_server_listens_on_ipv6(serve: Serve, connect: Connect) -> None:
    try:
        server = serve(echo, host="::1")
    except OSError as error:
        pytest.skip(f"this machine has no ::1: {error}")
    with Link(server, cut=1) as link:
        assert link.host == "::1"
        assert f"[::1]:{link.port}" in repr(link)
        client = connect(link.address)
        client.sendall(b"abc")
        assert [client.recv(10) for _ in range(3)] == [b"a", b"b", b"c"]


def test_the_addresses_of_a_name_are_tried_in_order(serve: Serve, connect: Connect) -> None:
    server = serve(echo)  # on 127.0.0.1 alone, while localhost may mean ::1 first
    with Link(("localhost", server.address[1])) as link:
        client = connect(link.address)
        client.sendall(b"found")
        assert client.recv(10) == b"found"


def test_links_can_be_chained(serve: Serve, connect: Connect) -> None:
    server = serve(echo)
    with Link(server, name="far") as far, Link(far, name="near", cut=2) as near:
        client = connect(near.address)
        client.sendall(b"abcd")
        assert client.recv(10) == b"ab"
        assert client.recv(10) == b"cd"


# -- many, and afterwards


@pytest.fixture
def descriptor_limit() -> Iterator[ModuleType]:
    """The module resource; the limit of descriptors is restored after the test."""
    resource = pytest.importorskip("resource", reason="descriptor limits are those of POSIX")
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield resource
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def raised(resource: ModuleType, wanted: int) -> int:
    """Raise the soft limit as far as it goes; how many descriptors may be open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return wanted if soft == resource.RLIM_INFINITY else soft


def test_a_thousand_connections_at_once(descriptor_limit: ModuleType) -> None:
    """Four descriptors each: client, the link's two, server, all in this process."""
    many = min(1000, (raised(descriptor_limit, 4400) - 200) // 4)
    echo_at_once(many)
    if many < 1000:
        pytest.skip(f"only {many} connections: this machine's limit of descriptors is lower")


def echo_at_once(many: int) -> None:
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    stopping, wake = socket.socketpair()
    selector = selectors.DefaultSelector()

    def serve_all() -> None:
        selector.register(listener, selectors.EVENT_READ)
        selector.register(stopping, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is stopping:
                    return
                if key.fileobj is listener:
                    selector.register(listener.accept()[0], selectors.EVENT_READ)
                    continue
                assert isinstance(key.fileobj, socket.socket)
                if data := key.fileobj.recv(100):
                    key.fileobj.sendall(data)
                else:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()

    server = threading.Thread(target=serve_all)
    server.start()
    try:
        with Link(listener.getsockname()) as link, contextlib.ExitStack() as stack:
            clients = [
                stack.enter_context(socket.create_connection(link.address, timeout=WAIT))
                for _ in range(many)
            ]
            for turn in range(2):  # the second time on connections that were idle
                for number, client in enumerate(clients):
                    client.sendall(b"%d/%d" % (number, turn))
                for number, client in enumerate(clients):
                    assert client.recv(100) == b"%d/%d" % (number, turn)
            assert len(link.connections) == many
            stack.close()
            link.trace.wait("close", count=many, deadline=WAIT)
            assert link.connections == ()
    finally:
        wake.send(b"x")
        server.join(WAIT)
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        selector.close()
        wake.close()


ECHO_SERVER = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connections = []
while True:
    connections.append(listener.accept()[0])
    connections[-1].sendall(connections[-1].recv(100))
"""


def test_without_descriptors_the_link_says_so_and_goes_on_later(
    in_another_process: Callable[[str], tuple[str, int]],
    connect: Connect,
    descriptor_limit: ModuleType,
) -> None:
    nofile = descriptor_limit.RLIMIT_NOFILE
    before = descriptor_limit.getrlimit(nofile)
    with Link(in_another_process(ECHO_SERVER)) as link:
        client = connect(link.address)
        client.sendall(b"x")
        client.recv(1)
        waiting = socket.socket()
        highest = max(int(name) for name in os.listdir("/dev/fd"))
        descriptor_limit.setrlimit(nofile, (highest, before[1]))
        # Fill the holes below the limit, so that the link cannot accept.
        holes: list[int] = []
        try:
            with contextlib.suppress(OSError):
                while True:
                    holes.append(os.dup(0))
            waiting.settimeout(WAIT)
            waiting.connect(link.address)
            (said,) = link.trace.wait("error")
            assert "ulimit" in said.note
        finally:
            descriptor_limit.setrlimit(nofile, before)
            for hole in holes:
                os.close(hole)
        waiting.sendall(b"later")
        assert waiting.recv(10) == b"later"
        waiting.close()


@pytest.mark.skipif(sys.platform != "linux", reason="counts the entries of /proc/self/fd")
def test_a_stopped_link_leaves_no_thread_and_no_descriptor(serve: Serve, connect: Connect) -> None:
    server = serve(echo)

    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    def run() -> None:
        link = Link(server, cut=1)
        with socket.create_connection(link.address, timeout=WAIT) as client:
            client.sendall(b"abc")
            client.recv(1)
            threads = {thread.name for thread in threading.enumerate()}
            assert "link-relay" in threads
            link.stop()
            link.stop()
            assert client.recv(10) in (b"", b"b", b"c", b"bc")
        assert not link.running

    run()
    poll(lambda: all(each.done() for each in server.outcomes), deadline=WAIT, said="server runs")
    before, threads = descriptors(), threading.active_count()
    for _ in range(5):
        run()
    until = Deadline(WAIT)
    poll(lambda: descriptors() <= before, deadline=until, said="descriptors are left")
    poll(lambda: threading.active_count() <= threads, deadline=until, said="threads are left")


def test_a_link_that_is_forgotten_stops(serve: Serve) -> None:
    link: Link | None = Link(serve(echo), name="forgotten")
    assert link is not None
    link = None
    poll(
        lambda: all(thread.name != "forgotten-relay" for thread in threading.enumerate()),
        deadline=WAIT,
        said="the thread of the link runs on",
    )


def test_an_exchange_that_is_over_leaves_the_same_trace_each_time(serve: Serve) -> None:
    server = serve(echo)
    traces = set()
    for _ in range(30):
        with Link(server) as link:
            with socket.create_connection(link.address, timeout=WAIT) as client:
                client.sendall(b"hi")
                client.recv(10)
        traces.add(link.trace.transcript())
    (only,) = traces
    assert only.splitlines()[-1] == "link · close    2 bytes to the server, 2 to the client"


def test_stopping_ends_connections_whatever_they_are_doing(serve: Serve, connect: Connect) -> None:
    free = threading.Event()
    server = serve(lambda connection: free.wait(WAIT))
    with Link(server, cut=1) as link:
        client = connect(link.address)
        client.sendall(b"nobody reads this")
        link.trace.wait("sent")
    free.set()
    (event,) = link.trace.select(kind="close")
    assert "the link was stopped" in event.note


def test_a_link_runs_once_and_says_so(serve: Serve) -> None:
    server = serve(echo)
    link = Link()
    with pytest.raises(RuntimeError, match="not started"):
        link.address  # noqa: B018
    assert link.start(server) is link
    with pytest.raises(RuntimeError, match="runs already"):
        link.start(server)
    link.stop()
    assert "stopped" in repr(link)
    with pytest.raises(RuntimeError, match="make a new Link"):
        link.start(server)


@pytest.mark.parametrize("to", ["127.0.0.1:80", 80, ("127.0.0.1", 0), ("127.0.0.1", "80"), (1, 2)])
def test_a_bad_destination_is_explained(to: object) -> None:
    with pytest.raises(ValueError, match=r"\(host, port\)"):
        Link(to)  # type: ignore[arg-type]


def test_each_link_has_its_own_trace_unless_one_is_given() -> None:
    one, other = Link(), Link()
    assert one.trace is not other.trace
    assert Link(trace=one.trace).trace is one.trace


def test_both_ends_and_the_link_can_share_a_trace(serve: Serve, connect: Connect) -> None:
    trace = Trace()

    def answer(connection: socket.socket) -> None:
        with record(connection, trace, "server") as server:
            server.sendall(server.recv(100).upper())

    with Link(serve(answer), trace=trace) as link:
        client = record(connect(link.address), trace)
        with client:
            client.sendall(b"hi")
            assert client.recv(100) == b"HI"
    moves = [(event.where, event.moved) for event in trace.events if event.moved]
    assert moves == [
        ("client", "sent"),
        ("link", "received"),
        ("link", "sent"),
        ("server", "received"),
        ("server", "sent"),
        ("link", "received"),
        ("link", "sent"),
        ("client", "received"),
    ]
    assert {event.connection for event in trace.events} == {1}
