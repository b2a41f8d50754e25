"""Meters: what they say about real processes, real sockets and this machine."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import psutil
import pytest

from labsupport import meters
from labsupport.clock import Deadline, poll
from labsupport.meters import sockets
from labsupport.meters.states import NOT_VISIBLE, StateRecorder, state_of
from labsupport.trace import Trace

linux = pytest.mark.skipif(sys.platform != "linux", reason="the exact question is Linux's")

CHILD = """
import socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


class Pair:
    """A connection with both ends in this process."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, 0), family=family) as listener:
            self.client = socket.create_connection(listener.getsockname()[:2], timeout=5)
            self.server, _ = listener.accept()
        self.server.settimeout(5)
        self.ends = (self.client.getsockname(), self.client.getpeername())

    def states(self) -> tuple[str, str]:
        here, there = self.ends
        return meters.tcp_state(here, there), meters.tcp_state(there, here)

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    with closing(Pair()) as made:
        yield made


@pytest.fixture
def child() -> Iterator[tuple[int, int]]:
    """Another process that listens: its pid and its port."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process, process.stdin:
        yield process.pid, int(process.stdout.readline())


class TestProcess:
    def test_a_thread_more_is_counted(self) -> None:
        # In a process of its own: here a thread of another test may end in between.
        code = """
import threading
from labsupport import meters
go, before = threading.Event(), meters.threads()
threading.Thread(target=go.wait).start()
print(meters.threads() - before)
go.set()
"""
        assert subprocess.check_output([sys.executable, "-c", code], text=True) == "1\n"

    def test_a_socket_is_a_descriptor_until_it_is_closed(self) -> None:
        before = meters.descriptors()
        with ExitStack() as stack:
            for _ in range(10):
                stack.enter_context(socket.socket())
            assert meters.descriptors() >= before + 10
        assert meters.descriptors() == before

    def test_memory_that_is_used_is_counted_in_bytes(self) -> None:
        before = meters.memory()
        block = bytearray(b"x" * 50_000_000)
        assert meters.memory() - before > 40_000_000
        del block

    def test_another_process_is_measured_by_its_pid(self, child: tuple[int, int]) -> None:
        pid, _ = child
        assert meters.threads(pid) >= 1
        assert meters.descriptors(pid) >= 4
        assert meters.memory(pid) > 1_000_000


class TestLoopLag:
    def test_a_block_is_one_late_sample_as_long_as_the_block(self) -> None:
        async def blocked() -> tuple[meters.LoopLag, float, float]:
            with meters.LoopLag(every=0.001) as lag:
                while len(lag.samples) < 3:
                    await asyncio.sleep(0)
                begun = time.perf_counter()
                threading.Event().wait(0.3)
                ended = time.perf_counter()
                seen = len(lag.samples)
                while len(lag.samples) == seen:
                    await asyncio.sleep(0)
            return lag, begun, ended

        lag, begun, ended = asyncio.run(blocked())
        due, late = max(lag.samples, key=lambda sample: sample[1])
        assert late == lag.worst > 0.25
        assert due < begun + 0.01
        assert due + late >= ended
        assert "ms late" in repr(lag)

    def test_a_block_that_lasts_until_the_end_counts(self) -> None:
        async def blocked() -> float:
            with meters.LoopLag(every=0.001) as lag:
                await asyncio.sleep(0)
                threading.Event().wait(0.1)
            return lag.worst

        assert asyncio.run(blocked()) > 0.05

    def test_it_ends_with_its_block(self) -> None:
        async def watched() -> tuple[int, int]:
            with meters.LoopLag(every=0.001) as lag:
                await asyncio.sleep(0.01)
            seen = len(lag.samples)
            await asyncio.sleep(0.02)
            return seen, len(lag.samples)

        seen, later = asyncio.run(watched())
        assert seen == later > 0

    def test_another_thread_watches_a_loop_by_name(self) -> None:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            with meters.LoopLag(loop, every=0.001) as lag:
                loop.call_soon_threadsafe(threading.Event().wait, 0.2)
                poll(lambda: lag.worst > 0.15, deadline=20, said="no sample was late")
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
        assert lag.worst < 20

    def test_without_a_loop_or_an_interval_it_is_an_error(self) -> None:
        with pytest.raises(RuntimeError, match="no running event loop"), meters.LoopLag():
            pass
        with pytest.raises(ValueError, match="not every 0"):
            meters.LoopLag(every=0)
        assert meters.LoopLag().worst == 0


class TestConnections:
    def test_listener_and_both_ends_are_found_by_the_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)) as client:
                accepted, _ = listener.accept()
                with accepted:
                    found = meters.connections(port)
                    mine = client.getsockname()
        assert [each.state for each in found] == ["LISTEN", "ESTABLISHED", "ESTABLISHED"]
        assert found[0].remote is None
        assert {each.local for each in found[1:]} == {("127.0.0.1", port), mine}
        assert {each.pid for each in found} == {os.getpid()}

    def test_a_port_of_nobody_has_no_connections(self) -> None:
        assert meters.connections(1) == []

    def test_another_process_is_asked_by_its_pid(self, child: tuple[int, int]) -> None:
        pid, port = child
        assert meters.connections(port) == []
        (found,) = meters.connections(port, pid=pid)
        assert (found.local, found.state) == (("127.0.0.1", port), "LISTEN")

    def test_the_owner_of_a_port_is_found_in_another_process(self, child: tuple[int, int]) -> None:
        pid, port = child
        owner = meters.owner_of_port(port)
        assert owner is not None
        assert owner.pid == pid
        assert "python" in owner.name.lower()

    def test_a_client_on_a_port_does_not_own_it(self, pair: Pair) -> None:
        if sys.platform == "darwin":
            pytest.skip("macOS does not show whether somebody else listens")
        assert meters.owner_of_port(pair.ends[0][1]) is None

    def test_where_the_system_hides_others_own_listeners_are_found_all_the_same(
        self, monkeypatch: pytest.MonkeyPatch, child: tuple[int, int], pair: Pair
    ) -> None:
        def denied(kind: str) -> None:
            raise psutil.AccessDenied

        monkeypatch.setattr(psutil, "net_connections", denied)
        owner = meters.owner_of_port(child[1])
        assert owner is not None
        assert owner.pid == child[0]
        with pytest.raises(meters.Unavailable, match="none of your own processes"):
            meters.owner_of_port(pair.ends[0][1])


class TestTcpState:
    @linux
    @pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
    def test_the_whole_life_of_a_connection(self, host: str) -> None:
        if ":" in host and not meters.what_this_machine_allows()["ipv6"]:
            pytest.skip("no IPv6 loopback here")
        with closing(Pair(host)) as pair:
            assert pair.states() == ("ESTABLISHED", "ESTABLISHED")
            pair.client.shutdown(socket.SHUT_WR)
            assert pair.server.recv(1) == b""
            poll(
                lambda: pair.states() == ("FIN_WAIT_2", "CLOSE_WAIT"),
                deadline=5,
                said="half closed",
            )
            pair.server.close()
            assert pair.client.recv(1) == b""
            poll(lambda: pair.states() == ("TIME_WAIT", "CLOSED"), deadline=5, said="closed")
            pair.client.close()
            assert pair.states() == ("TIME_WAIT", "CLOSED")

    @linux
    def test_a_reset_leaves_nothing(self, pair: Pair) -> None:
        pair.client.sendall(b"never read")
        assert pair.server.recv(1, socket.MSG_PEEK) == b"n"
        pair.server.close()
        with pytest.raises(ConnectionResetError):
            pair.client.recv(1)
        assert pair.states() == ("CLOSED", "CLOSED")

    def test_a_listener_has_no_remote_end(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = listener.getsockname()
            assert meters.tcp_state(address, None) == "LISTEN"

    @linux
    def test_a_listener_is_not_taken_for_a_connection_that_is_gone(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            assert meters.tcp_state(listener.getsockname(), ("127.0.0.1", 1)) == "CLOSED"

    @linux
    def test_an_ipv4_client_of_an_ipv6_listener_is_found_under_either_name(self) -> None:
        if not socket.has_dualstack_ipv6():
            pytest.skip("no dual-stack listener here")
        family = socket.AF_INET6
        with socket.create_server(("::", 0), family=family, dualstack_ipv6=True) as listener:
            port = listener.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)) as client:
                accepted, address = listener.accept()
                with accepted:
                    assert address[0].startswith("::ffff:")
                    assert meters.tcp_state(accepted.getsockname(), address) == "ESTABLISHED"
                    ends = client.getpeername(), client.getsockname()
                    assert meters.tcp_state(*ends) == "ESTABLISHED"

    @linux
    def test_another_process_sees_the_same_states(self, child: tuple[int, int]) -> None:
        with socket.create_connection(("127.0.0.1", child[1])) as client:
            ends = client.getpeername(), client.getsockname()
            assert meters.tcp_state(*ends) == "ESTABLISHED"

    @linux
    def test_without_the_exact_question_the_list_of_the_system_says_the_same(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def forbidden(*ends: object) -> int:
            raise PermissionError

        monkeypatch.setattr(sockets, "_state_number", forbidden)
        assert pair.states() == ("ESTABLISHED", "ESTABLISHED")
        pair.client.close()
        assert pair.server.recv(1) == b""
        pair.server.close()
        poll(lambda: pair.states() == ("TIME_WAIT", "CLOSED"), deadline=5, said="closed")

    def test_where_only_own_sockets_are_shown_another_one_is_unavailable(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hide_others(monkeypatch)
        assert pair.states() == ("ESTABLISHED", "ESTABLISHED")
        pair.client.close()
        with pytest.raises(meters.Unavailable, match="only the sockets that this process has open"):
            pair.states()


def hide_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this machine as silent as macOS."""

    def denied(kind: str) -> None:
        raise psutil.AccessDenied

    def forbidden(*ends: object) -> int:
        raise PermissionError

    monkeypatch.setattr(psutil, "net_connections", denied)
    monkeypatch.setattr(sockets, "_state_number", forbidden)


class TestTcpInfo:
    @linux
    def test_it_names_its_figures_in_seconds_bytes_and_segments(self, pair: Pair) -> None:
        pair.client.sendall(b"x" * 1000)
        assert len(pair.server.recv(1000, socket.MSG_WAITALL)) == 1000
        info = meters.tcp_info(pair.client)
        assert info["state"] == "ESTABLISHED"
        assert 0 < info["rtt"] < 5
        assert 0.1 < info["rto"] < 60
        assert info["snd_mss"] > 500
        assert info["snd_cwnd"] >= 1
        assert info["last_data_sent"] < 60
        assert info["total_retrans"] == 0

    @linux
    def test_a_closed_socket_is_an_error_and_not_a_figure(self, pair: Pair) -> None:
        pair.client.close()
        with pytest.raises(OSError):  # noqa: PT011 -- the system's own words
            meters.tcp_info(pair.client)

    def test_elsewhere_it_says_so(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sockets.sys, "platform", "darwin")
        with pytest.raises(meters.Unavailable, match="read on Linux only, and this is darwin"):
            meters.tcp_info(pair.client)


class TestStateRecorder:
    @linux
    def test_it_waits_for_the_state_and_records_both_ends(self, pair: Pair) -> None:
        trace = Trace()
        recorder = StateRecorder(trace, pair.ends)
        recorder.mark("connected")
        pair.client.close()
        closed = {"client": "FIN_WAIT_2", "server": "CLOSE_WAIT"}
        seen = recorder.mark("client: close()", until=closed)
        assert seen == closed
        pair.server.close()
        recorder.mark("server: close()", until={"client": "TIME_WAIT", "server": "CLOSED"})
        assert [(each.where, state_of(each)) for each in trace.events] == [
            ("client", ("ESTABLISHED", "connected")),
            ("server", ("ESTABLISHED", "connected")),
            ("client", ("FIN_WAIT_2", "client: close()")),
            ("server", ("CLOSE_WAIT", "client: close()")),
            ("client", ("TIME_WAIT", "server: close()")),
            ("server", ("CLOSED", "server: close()")),
        ]
        assert {each.kind for each in trace.events} == {"state"}

    @linux
    def test_a_state_that_is_not_reached_is_named_with_the_one_that_is(self, pair: Pair) -> None:
        trace = Trace()
        with pytest.raises(TimeoutError) as caught:
            StateRecorder(trace, pair.ends).mark(
                "nothing", until={"client": "TIME_WAIT"}, deadline=Deadline(0.05)
            )
        assert str(caught.value) == (
            "after nothing: the client was to reach TIME_WAIT and is in ESTABLISHED"
        )
        assert trace.events == ()

    @pytest.mark.parametrize("until", [{"clent": "TIME_WAIT"}, {"client": "TIMEWAIT"}])
    def test_an_unknown_end_or_state_is_refused(self, pair: Pair, until: dict[str, str]) -> None:
        with pytest.raises(ValueError, match="needs an end"):
            StateRecorder(Trace(), pair.ends).mark("x", until=until)

    def test_an_end_that_is_not_shown_is_written_down_as_such_and_not_waited_for(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hide_others(monkeypatch)
        recorder = StateRecorder(Trace(), pair.ends)
        assert recorder.mark("connected") == {"client": "ESTABLISHED", "server": "ESTABLISHED"}
        pair.client.close()
        seen = recorder.mark("client: close()", until={"client": "FIN_WAIT_2"})
        assert seen["client"] == NOT_VISIBLE
        assert state_of(recorder.trace.events[-2]) == (NOT_VISIBLE, "client: close()")

    def test_other_events_have_no_state(self) -> None:
        trace = Trace()
        assert state_of(trace.add("client", "state", note="peeked at 5 bytes")) is None
        assert state_of(trace.add("client", "state", note="TIRED after work")) is None
        assert state_of(trace.add("client", "error", note="CLOSED after work")) is None


class TestMachine:
    def test_the_facts_are_those_of_this_machine(self) -> None:
        facts = meters.what_this_machine_allows()
        assert facts["python"] == sys.version.split()[0]
        assert facts["packages"]["psutil"] == psutil.__version__
        assert facts["processors"] >= 1
        assert facts["tcp_info"] == (sys.platform == "linux")
        assert set(facts["tools"]) <= {*facts["tools"]}

    @linux
    def test_port_0_hands_out_a_port_of_the_range_that_it_says(self) -> None:
        first, last = meters.what_this_machine_allows()["dynamic_ports"]
        with socket.create_server(("127.0.0.1", 0)) as listener:
            assert first <= listener.getsockname()[1] <= last

    def test_trying_leaves_no_descriptor_open(self) -> None:
        before = meters.descriptors()
        meters.what_this_machine_allows()
        assert meters.descriptors() == before

    def test_a_machine_without_any_of_it_is_a_table_too(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        facts = meters.what_this_machine_allows()
        facts |= {
            "ipv6": False, "low_ports": False, "tcp_info": False, "causal_cut": False,
            "dynamic_ports": None, "descriptors": None, "tools": [],
        }  # fmt: skip
        text = facts.as_text()
        assert text.count("not here") == 3
        assert "need rights" in text
        assert "no fixed limit" in text

    def test_what_differs_between_machines_is_marked_in_the_html_and_not_in_the_text(self) -> None:
        facts = meters.what_this_machine_allows()
        facts["tools"] = ["<b>curl</b>"]
        html = facts._repr_html_()
        assert "&lt;b&gt;curl" in html
        assert html.count('class="live"') == html.count("<tr>") == len(list(facts.rows()))
        assert facts["python"] not in repr(facts)
