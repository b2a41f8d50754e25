"""Functions over a socket, in their own thread."""

from __future__ import annotations

import asyncio
import functools
import os
import selectors
import socket
import socketserver
import threading
from collections.abc import Callable
from typing import Any

import pytest

from labsupport.clock import poll
from labsupport.recording import record
from labsupport.serving import CannotStart, Server, serve
from labsupport.trace import Trace

Ask = Callable[..., bytes]

posix = pytest.mark.skipif(os.name != "posix", reason="recvmsg is POSIX")

HAS_IPV6 = True
try:
    socket.create_server(("::1", 0), family=socket.AF_INET6).close()
except OSError:
    HAS_IPV6 = False


def echo_one_after_another(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)


def echo_in_threads(listener: socket.socket) -> None:
    def handle(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)

    while True:
        connection, _ = listener.accept()
        threading.Thread(target=handle, args=(connection,)).start()


def wait_for_threads(server: Server, count: int) -> None:
    poll(lambda: len(server.owned_threads) == count, deadline=10, said=f"not {count} threads")


def test_a_function_is_ready_when_serve_returns(ask: Ask) -> None:
    with serve(echo_one_after_another) as server:
        assert server.running
        assert server.name == "echo_one_after_another"
        assert server.kind == "function"
        assert server.address == (server.host, server.port)
        assert server.host == "127.0.0.1"
        assert ask(server) == b"hello"
    assert not server.running


def test_the_function_sees_no_client_but_the_learners(ask: Ask) -> None:
    peers = []

    def count(listener: socket.socket) -> None:
        while True:
            connection, peer = listener.accept()
            peers.append(peer)
            connection.close()

    with serve(count) as server:
        ask(server, b"")
    assert len(peers) == 1


def test_a_client_may_connect_before_the_function_accepts(ask: Ask) -> None:
    let_go = threading.Event()

    def slow_to_start(listener: socket.socket) -> None:
        let_go.wait()
        echo_one_after_another(listener)

    with serve(slow_to_start) as server, socket.create_connection(server.address) as early:
        let_go.set()
        early.sendall(b"early")
        assert early.recv(100) == b"early"


def test_arguments_reach_the_function(ask: Ask) -> None:
    def greet(listener: socket.socket, greeting: bytes, mark: bytes) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(greeting + mark)

    with serve(greet, b"hi", b"!") as server:
        assert ask(server, b"") == b"hi!"


def test_a_function_that_cannot_be_called_so_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"echo_one_after_another\(listener.*cannot be called with"):
        serve(echo_one_after_another, "one too many")


def test_methods_and_partials_are_functions_too(ask: Ask) -> None:
    class Greeter:
        def greet(self, listener: socket.socket) -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"hi")

    with serve(Greeter().greet) as server:
        assert (server.name, ask(server, b"")) == ("greet", b"hi")
    with serve(functools.partial(echo_one_after_another)) as server:
        assert ask(server) == b"hello"


@pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6 loopback")
def test_a_server_can_live_on_ipv6_loopback(ask: Ask) -> None:
    with serve(echo_in_threads, host="::1") as server:
        assert server.address == ("::1", server.port)
        assert f"[::1]:{server.port}" in repr(server)
        assert ask(server) == b"hello"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_a_host_that_is_not_loopback_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="not on this machine's loopback"):
        serve(echo_one_after_another, host=host)


def test_a_loopback_address_that_the_machine_lacks_is_a_clear_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without_ipv6(*args: Any, **kwargs: Any) -> socket.socket:
        raise OSError(99, "Cannot assign requested address")

    monkeypatch.setattr(socket, "create_server", without_ipv6)
    with pytest.raises(CannotStart, match="cannot listen on ::1: Cannot assign requested address"):
        serve(echo_one_after_another, host="::1")


def test_a_function_that_raises_has_failed_and_says_so(ask: Ask) -> None:
    def fragile(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100).decode("ascii")

    server = serve(fragile)
    ask(server, b"\xff")
    assert "UnicodeDecodeError" in server.wait_for_output("ordinal not in range")
    poll(lambda: not server.running, deadline=10, said="the function goes on")
    assert isinstance(server.failure, UnicodeDecodeError)
    assert "failed with UnicodeDecodeError: 'ascii' codec" in repr(server)
    assert "UnicodeDecodeError" in server._repr_html_()
    assert "threading.py" not in server.output
    server.stop()


def test_a_failure_that_is_kept_does_not_keep_the_functions_connections_open(ask: Ask) -> None:
    def fragile(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        raise ValueError(connection.recv(100))

    with serve(fragile) as server:
        assert ask(server) == b""
        server.wait_for_output("ValueError")
        assert str(server.failure) == "b'hello'"


def test_a_function_that_returns_has_ended_and_its_port_is_closed(
    ask: Ask, wait_until_refused: Callable[[int], None]
) -> None:
    def serve_one(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.close()

    with serve(serve_one) as server:
        ask(server, b"")
        poll(lambda: not server.running, deadline=10, said="the function goes on")
        assert server.failure is None
        assert repr(server).endswith("ended>")
        wait_until_refused(server.port)


def test_a_listener_stays_open_for_threads_that_outlive_the_function(ask: Ask) -> None:
    def start_a_thread(listener: socket.socket) -> None:
        threading.Thread(target=echo_one_after_another, args=(listener,)).start()

    with serve(start_a_thread) as server:
        assert ask(server) == b"hello"
        assert server.running


def test_a_handler_thread_that_raises_shows_its_traceback_and_the_server_goes_on(ask: Ask) -> None:
    def fragile_in_threads(listener: socket.socket) -> None:
        def handle(connection: socket.socket) -> None:
            with connection:
                connection.sendall(connection.recv(100).decode("ascii").encode())

        while True:
            connection, _ = listener.accept()
            threading.Thread(target=handle, args=(connection,)).start()

    with serve(fragile_in_threads) as server:
        ask(server, b"\xff")
        shown = server.wait_for_output("UnicodeDecodeError")
        assert "Exception in a thread of fragile_in_threads" in shown
        assert 'connection.recv(100).decode("ascii")' in shown
        assert "threading.py" not in shown
        assert ask(server, b"still here") == b"still here"
        assert server.failure is None


def test_the_oserror_that_accept_gets_from_a_stop_is_no_failure() -> None:
    server = serve(echo_one_after_another)
    server.stop()
    assert server.failure is None
    assert server.output == ""
    assert repr(server).endswith("stopped>")


def test_the_handle_shows_nothing_volatile_but_its_port() -> None:
    with serve(echo_one_after_another, name="echo") as server:
        shown = repr(server)
        assert shown == (
            f"<Server 'echo': a function in its own thread on 127.0.0.1:{server.port}, running>"
        )
        assert "<strong>echo</strong>" in server._repr_html_()


def test_names_are_escaped_in_html() -> None:
    with serve(echo_one_after_another, name="<b>&") as server:
        assert "&lt;b&gt;&amp;" in server._repr_html_()


def test_a_listener_with_a_timeout_keeps_it(ask: Ask) -> None:
    def impatient(listener: socket.socket) -> None:
        listener.settimeout(0.01)
        while True:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                print("waited")
                continue
            with connection:
                connection.sendall(repr(connection.gettimeout()).encode())

    with serve(impatient) as server:
        server.wait_for_output("waited")
        assert ask(server, b"") == b"None"


def test_connections_are_ordinary_sockets(ask: Ask) -> None:
    def uses_files(listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as stream:
                stream.write(stream.readline().upper())

    with serve(uses_files) as server:
        assert ask(server, b"line\n") == b"LINE\n"


def test_a_selectors_loop_over_the_listener_stops() -> None:
    def select_forever(listener: socket.socket) -> None:
        listener.setblocking(False)
        with selectors.DefaultSelector() as selector:
            selector.register(listener, selectors.EVENT_READ)
            while True:
                selector.select()
                connection, _ = listener.accept()
                connection.close()

    server = serve(select_forever)
    server.stop()
    assert server.failure is None


def test_a_socketserver_over_the_listener_stops(ask: Ask) -> None:
    class Echo(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(self.rfile.read())

    def with_socketserver(listener: socket.socket) -> None:
        address = listener.getsockname()
        with socketserver.ThreadingTCPServer(address, Echo, bind_and_activate=False) as server:
            server.socket.close()
            server.socket = listener
            server.serve_forever()

    server = serve(with_socketserver)
    assert ask(server) == b"hello"
    server.stop()


def test_asyncio_over_the_listener_stops(ask: Ask) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    async def accept_for_ever(listener: socket.socket) -> None:
        async with await asyncio.start_server(handle, sock=listener) as server:
            await server.serve_forever()

    def runs_a_loop(listener: socket.socket) -> None:
        asyncio.run(accept_for_ever(listener))

    server = serve(runs_a_loop)
    assert ask(server) == b"hello"
    server.stop()
    assert not server.running


def test_a_loop_that_swallows_the_stop_is_ended_all_the_same() -> None:
    def sloppy(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                continue
            connection.close()

    server = serve(sloppy)
    server.stop()
    assert not server.running
    assert server.failure is None


def test_several_threads_that_accept_from_one_listener_all_stop(ask: Ask) -> None:
    def several(listener: socket.socket) -> None:
        for _ in range(7):
            threading.Thread(target=echo_one_after_another, args=(listener,)).start()
        echo_one_after_another(listener)

    server = serve(several)
    wait_for_threads(server, 8)
    assert ask(server) == b"hello"
    server.stop()
    assert server.owned_threads == ()


@pytest.mark.parametrize("what", ["listener", "connection"])
def test_a_server_with_recording_sockets_stops_while_a_client_is_silent(what: str) -> None:
    trace = Trace()

    def recorded(listener: socket.socket) -> None:
        if what == "listener":
            listener = record(listener, trace, where="server")
        while True:
            connection, _ = listener.accept()
            if what == "connection":
                connection = record(connection, trace, where="server")
            threading.Thread(target=connection.recv, args=(100,)).start()

    server = serve(recorded)
    with socket.create_connection(server.address):
        wait_for_threads(server, 2)
        server.stop()
    assert server.failure is None
    assert not server.running


def test_a_datagram_function_gets_a_bound_udp_socket() -> None:
    def mirror(sock: socket.socket) -> None:
        while True:
            data, peer = sock.recvfrom(65536)
            sock.sendto(data[::-1], peer)

    with (
        serve(mirror, transport="udp") as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        client.settimeout(10)
        client.sendto(b"abc", server.address)
        assert client.recvfrom(100) == (b"cba", server.address)
    assert server.failure is None


@pytest.mark.parametrize(
    "receive",
    [
        lambda sock: sock.recv(100),
        lambda sock: sock.recvfrom(100),
        lambda sock: sock.recv_into(bytearray(100)),
        lambda sock: sock.recvfrom_into(bytearray(100)),
        pytest.param(lambda sock: sock.recvmsg(100), marks=posix),
        pytest.param(lambda sock: sock.recvmsg_into([bytearray(100)]), marks=posix),
    ],
    ids=["recv", "recvfrom", "recv_into", "recvfrom_into", "recvmsg", "recvmsg_into"],
)
@pytest.mark.parametrize("connected", [False, True], ids=["unconnected", "connected"])
def test_every_way_to_receive_a_datagram_is_woken_by_the_stop(
    receive: Callable[[socket.socket], Any], connected: bool
) -> None:
    def waits(sock: socket.socket, peer: tuple[str, int]) -> None:
        if connected:
            sock.connect(peer)
        print("waits")
        while True:
            receive(sock)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        server = serve(waits, peer.getsockname(), transport="udp")
        server.wait_for_output("waits")
        server.stop()
    assert server.failure is None


def test_a_recorded_datagram_socket_stops() -> None:
    def recorded(sock: socket.socket) -> None:
        recording = record(sock, Trace(), where="server")
        print("waits")
        while True:
            recording.recvfrom(100)

    server = serve(recorded, transport="udp")
    server.wait_for_output("waits")
    server.stop()
    assert server.failure is None


@pytest.mark.parametrize("target", [42, [], ["python", 3], None])
def test_what_cannot_be_served_is_refused_with_what_can(target: Any) -> None:
    with pytest.raises(TypeError, match="Give a function over a listening socket"):
        serve(target)


def test_an_unknown_transport_is_refused() -> None:
    with pytest.raises(ValueError, match='"tcp" or "udp"'):
        serve(echo_in_threads, transport="sctp")  # type: ignore[arg-type]
