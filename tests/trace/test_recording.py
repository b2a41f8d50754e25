"""Recording sockets: what the kernel accepted and returned, and nothing else changes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import socket
import ssl
import struct
import sys
import tempfile
import threading
from collections.abc import Iterator

import pytest

from labsupport import Trace, record
from labsupport.recording import RecordingSocket

WAIT = 10.0

Pair = tuple[RecordingSocket, RecordingSocket]


@pytest.fixture
def trace() -> Trace:
    return Trace()


@pytest.fixture
def pair(trace: Trace) -> Iterator[Pair]:
    """A client and a server on loopback, both recorded in one trace."""
    with (
        record(socket.create_server(("127.0.0.1", 0)), trace, "server") as listener,
        record(socket.create_connection(listener.getsockname(), WAIT), trace) as client,
        listener.accept()[0] as server,
    ):
        server.settimeout(WAIT)
        yield client, server


def kinds(trace: Trace, where: str) -> list[str]:
    return [event.kind for event in trace.select(where=where)]


# -- what is written down


def test_both_ends_record_the_same_bytes_at_the_same_offsets(pair: Pair, trace: Trace) -> None:
    client, server = pair
    client.sendall(b"one")
    client.send(b"two")
    assert server.recv(2) == b"on"
    assert server.recv(100) == b"etwo"
    server.sendall(b"three")
    client.recv(100)
    sent = [(event.offset, event.data) for event in trace.select(where="client", kind="sent")]
    got = [(event.offset, event.data) for event in trace.select(where="server", kind="received")]
    assert sent == [(0, b"one"), (3, b"two")]
    assert got == [(0, b"on"), (2, b"etwo")]
    assert trace.bytes("to_client", where="server") == b"three"
    assert trace.bytes("to_client", where="client") == b"three"


def test_no_byte_is_received_before_it_was_sent(pair: Pair, trace: Trace) -> None:
    client, server = pair
    receiving = threading.Thread(
        target=lambda: [None for _ in iter(lambda: server.recv(65536), b"")]
    )
    receiving.start()
    for _ in range(300):
        client.send(b"x")
    client.sendall(bytes(4 << 20))
    client.shutdown(socket.SHUT_WR)
    receiving.join(WAIT)
    sent = 0
    for event in trace.events:
        if event.kind == "sent":
            sent = event.offset + len(event.data)
        elif event.kind == "received":
            assert event.offset + len(event.data) <= sent
    assert kinds(trace, "server")[-1] == "eof"


def test_whoever_has_read_the_bytes_finds_the_send_in_the_trace(pair: Pair, trace: Trace) -> None:
    client, server = pair
    for number in range(500):
        sending = threading.Thread(target=client.send, args=(b"x",))
        sending.start()
        server.recv(1)
        assert len(trace.select(kind="sent")) == number + 1
        sending.join(WAIT)


def test_only_what_the_kernel_accepted_is_recorded(pair: Pair, trace: Trace) -> None:
    client, _ = pair
    client.settimeout(0.2)
    accepted = client.send(bytes(50 << 20))
    (event,) = trace.select(where="client", kind="sent")
    assert len(event.data) == accepted < 50 << 20
    assert event.note == f"of {50 << 20:,} offered"


def test_a_sendall_that_times_out_says_how_much_went(pair: Pair, trace: Trace) -> None:
    client, server = pair
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.sendall(bytes(50 << 20))
    assert kinds(trace, "client")[-1] == "timeout"
    went = len(trace.bytes("to_server", where="client"))
    client.shutdown(socket.SHUT_WR)
    assert sum(map(len, iter(lambda: server.recv(1 << 20), b""))) == went


def test_a_blocking_send_takes_everything_and_is_one_event(pair: Pair, trace: Trace) -> None:
    client, server = pair
    client.settimeout(None)
    data = os.urandom(20 << 20)
    got: list[bytes] = []
    receiving = threading.Thread(target=lambda: got.extend(iter(lambda: server.recv(1 << 20), b"")))
    receiving.start()
    assert client.send(data) == len(data)
    client.shutdown(socket.SHUT_WR)
    receiving.join(WAIT)
    assert b"".join(got) == data
    (event,) = trace.select(where="client", kind="sent")
    assert event.data == data
    assert event.note == ""


def test_the_end_of_a_stream_is_an_event_at_both_ends(pair: Pair, trace: Trace) -> None:
    client, server = pair
    client.sendall(b"12345")
    client.shutdown(socket.SHUT_WR)
    assert server.recv(100) == b"12345"
    assert server.recv(100) == b""
    ends = [(event.where, event.direction, event.offset) for event in trace.select(kind="eof")]
    assert ends == [("client", "to_server", 5), ("server", "to_server", 5)]


def test_a_reset_is_recorded_where_it_is_noticed(pair: Pair, trace: Trace) -> None:
    client, server = pair
    reset_on_close = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset_on_close)
    server.close()
    with pytest.raises(ConnectionResetError):
        client.recv(100)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        client.send(b"x")
    (event,) = trace.select(where="client", kind="reset")[:1]
    assert event.direction == "to_client"
    assert event.note == "ConnectionResetError in recv"


def test_a_broken_pipe_is_an_error_event(pair: Pair, trace: Trace) -> None:
    client, _ = pair
    client.shutdown(socket.SHUT_WR)
    with pytest.raises(OSError, match=r".*"):
        client.send(b"x")
    (event,) = trace.select(kind="error")
    assert event.note.endswith(" in send")


def test_a_timeout_says_which_call_waited_and_how_long(pair: Pair, trace: Trace) -> None:
    client, _ = pair
    client.settimeout(0.05)
    with pytest.raises(TimeoutError):
        client.recv(100)
    (event,) = trace.select(kind="timeout")
    assert event.note == "recv waited 0.05 s"


def test_peeking_is_told_but_is_no_receipt(pair: Pair, trace: Trace) -> None:
    client, server = pair
    client.sendall(b"abc")
    assert server.recv(10, socket.MSG_PEEK) == b"abc"
    assert trace.select(where="server", kind="received") == ()
    assert trace.select(kind="state")[0].note == "peeked at 3 bytes"
    server.recv(10)
    assert trace.bytes("to_server", where="server") == b"abc"


def test_every_way_of_receiving_is_recorded(pair: Pair, trace: Trace) -> None:
    client, server = pair
    buffer = bytearray(4)
    client.sendall(b"0123456789ab")
    assert server.recv_into(buffer) == 4
    assert server.recvfrom(3)[0] == b"456"
    assert server.recvfrom_into(buffer, 2)[0] == 2
    if hasattr(socket.socket, "recvmsg"):
        assert server.recvmsg(100)[0] == b"9ab"
    else:
        server.recv(100)
    seen = [event.data for event in trace.select(where="server", kind="received")]
    assert seen == [b"0123", b"456", b"78", b"9ab"]


def test_every_way_of_sending_is_recorded(pair: Pair, trace: Trace) -> None:
    client, server = pair
    wanted = b"".join([b"a", b"bc", b"def", b"from a file"])
    client.send(bytearray(b"a"))
    client.sendall(memoryview(b"bc"))
    if hasattr(socket.socket, "sendmsg"):
        assert client.sendmsg([b"d", b"ef"]) == 3
    else:
        client.send(b"def")
    with tempfile.TemporaryFile() as file:
        file.write(b"skip from a file and no more")
        assert client.sendfile(file, offset=5, count=11) == 11
    got = b""
    while len(got) < len(wanted):
        got += server.recv(100)
    assert got == wanted
    assert trace.bytes("to_server", where="client") == wanted
    with tempfile.TemporaryFile() as empty, pytest.raises(ValueError, match="positive"):
        client.sendfile(empty, count=0)


def test_wide_items_are_counted_in_bytes(pair: Pair, trace: Trace) -> None:
    client, server = pair
    wide = memoryview(b"01234567").cast("I")
    client.sendall(wide)
    assert server.recv(100) == b"01234567"
    assert trace.bytes("to_server", where="client") == b"01234567"


# -- it is a socket in every respect


def test_selectors_accept_it_and_waiting_in_vain_is_not_recorded(pair: Pair, trace: Trace) -> None:
    client, server = pair
    server.setblocking(False)
    before = len(trace)
    with pytest.raises(BlockingIOError):
        server.recv(10)
    assert len(trace) == before
    with selectors.DefaultSelector() as selector:
        selector.register(server, selectors.EVENT_READ)
        client.sendall(b"ready")
        ((key, _),) = selector.select(WAIT)
        assert key.fileobj is server
    assert server.recv(10) == b"ready"


def test_files_made_of_it_are_recorded_and_hold_it_open(pair: Pair, trace: Trace) -> None:
    client, server = pair
    with server.makefile("rwb") as file:
        client.sendall(b"line\n")
        assert file.readline() == b"line\n"
        file.write(b"reply\n")
        file.flush()
        server.close()
        assert trace.select(where="server", kind="close")[0].note.startswith("later: a file")
        assert client.recv(100) == b"reply\n"
    assert client.recv(100) == b""
    assert trace.bytes("to_client", where="server") == b"reply\n"


def test_a_close_is_recorded_once(pair: Pair, trace: Trace) -> None:
    client, _ = pair
    with client:
        pass
    client.close()
    assert kinds(trace, "client").count("close") == 1


def test_a_close_that_lingers_does_not_hold_the_trace(pair: Pair, trace: Trace) -> None:
    client, server = pair
    form = "hh" if os.name == "nt" else "ii"
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(form, 1, int(WAIT)))
    client.settimeout(0.1)
    with contextlib.suppress(TimeoutError):
        client.sendall(bytes(50 << 20))
    client.settimeout(None)
    closing = threading.Thread(target=client.close)
    closing.start()
    while server.recv(1 << 20):  # adds events while the close waits for these reads
        pass
    closing.join(WAIT)
    assert not closing.is_alive()
    assert trace.select(where="client", kind="close")


def test_asyncio_streams_work_on_it(trace: Trace) -> None:
    async def main() -> bytes:
        async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(shout, "127.0.0.1", 0)
        async with server:
            sock = socket.create_connection(server.sockets[0].getsockname())
            sock.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=record(sock, trace))
            writer.write(b"quiet\n")
            answer = await reader.read()
            writer.close()
            await writer.wait_closed()
        return answer

    assert asyncio.run(main()) == b"QUIET\n"
    assert trace.bytes("to_server") == b"quiet\n"
    assert trace.bytes("to_client") == b"QUIET\n"


def test_the_timeout_is_kept_and_the_old_object_is_of_no_use(trace: Trace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        plain = socket.create_connection(listener.getsockname(), timeout=3.5)
        with record(plain, trace) as recording:
            assert recording.gettimeout() == 3.5
            assert isinstance(recording, socket.socket)
            assert plain.fileno() == -1
            with pytest.raises(OSError, match=r".*"):
                plain.send(b"x")


# -- connections


def test_accepted_connections_are_numbered_in_order(trace: Trace) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(
            record(socket.create_server(("127.0.0.1", 0)), trace, "server")
        )
        for number in (1, 2, 3):
            client = stack.enter_context(
                record(socket.create_connection(listener.getsockname()), trace)
            )
            server, _ = listener.accept()
            stack.enter_context(server)
            assert isinstance(server, RecordingSocket)
            assert (client.connection, server.connection) == (number, number)
            server.sendall(b"%d" % number)
    assert trace.bytes("to_client", where="server", connection=2) == b"2"
    assert [event.direction for event in trace.select(where="server", kind="sent")] == [
        "to_client"
    ] * 3


def test_an_accept_that_times_out_is_recorded(trace: Trace) -> None:
    with record(socket.create_server(("127.0.0.1", 0)), trace, "server") as listener:
        listener.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listener.accept()
    (event,) = trace.events
    assert event.note == "accept waited 0.05 s"


def test_a_connect_is_recorded_as_it_ends(trace: Trace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with record(socket.socket(), trace) as client:
            assert client.connection == 0
            client.connect(address)
            assert client.connection == 1
    with record(socket.socket(), trace) as client, pytest.raises(ConnectionRefusedError):
        client.connect(address)
    assert [event.kind for event in trace.events] == ["open", "close", "error"]
    assert trace.events[-1].note == "ConnectionRefusedError in connect"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows refuses after seconds")
def test_connect_ex_is_recorded_too(trace: Trace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with record(socket.socket(), trace) as client:
            assert client.connect_ex(address) == 0
    with record(socket.socket(), trace) as client:
        assert client.connect_ex(address) != 0
    assert [event.kind for event in trace.events] == ["open", "close", "error"]
    assert trace.events[-1].note == "ECONNREFUSED in connect_ex"


def test_a_name_and_a_direction_of_ones_own_can_be_given(trace: Trace) -> None:
    one, other = socket.socketpair()
    with record(one, trace, "alice", sends="to_client", connection=7) as alice, other:
        alice.sendall(b"hi")
        (event,) = trace.select(kind="sent")
        assert (event.where, event.direction, event.connection) == ("alice", "to_client", 7)


def test_a_tls_or_closed_socket_is_refused(trace: Trace) -> None:
    one, other = socket.socketpair()
    with one, other:
        context = ssl.create_default_context()
        secure = context.wrap_socket(
            one, server_hostname="localhost", do_handshake_on_connect=False
        )
        with secure, pytest.raises(TypeError, match="plain socket below"):
            record(secure, trace)
    with pytest.raises(ValueError, match="closed"):
        record(other, trace)


# -- datagrams


def test_datagrams_are_numbered_and_clients_told_apart(trace: Trace) -> None:
    with contextlib.ExitStack() as stack:

        def bound(where: str) -> RecordingSocket:
            plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            plain.bind(("127.0.0.1", 0))
            plain.settimeout(WAIT)
            return stack.enter_context(record(plain, trace, where))

        server = bound("server")
        one, other = bound("client"), bound("client")
        for client, data in ((one, b"a"), (other, b"b"), (one, b"c"), (one, b"")):
            client.sendto(data, server.getsockname())
            got, source = server.recvfrom(100)
            server.sendto(got.upper(), source)
        seen = [
            (event.connection, event.offset, event.data, event.note)
            for event in trace.select(where="server", kind="datagram", direction="to_server")
        ]
        assert seen == [
            (1, 0, b"a", "received"),
            (2, 0, b"b", "received"),
            (1, 1, b"c", "received"),
            (1, 2, b"", "received"),
        ]
        assert trace.bytes("to_client", where="server", connection=1) == b"AC"
        assert trace.select(kind="eof") == ()  # an empty datagram is not an end


def test_connected_datagram_sockets_are_one_connection(trace: Trace) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        record(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), trace) as client,
    ):
        server.bind(("127.0.0.1", 0))
        client.settimeout(WAIT)
        client.connect(server.getsockname())
        client.send(b"ping")
        data, source = server.recvfrom(100)
        server.sendto(b"pong", source)
        assert (data, client.recv(100)) == (b"ping", b"pong")
    assert [event.kind for event in trace.events] == ["open", "datagram", "datagram", "close"]
