"""The hub and the state timeline, from real sockets."""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from labsupport import pictures
from labsupport.meters import NOT_VISIBLE, StateRecorder
from labsupport.trace import Trace

if TYPE_CHECKING:
    from tests.pictures.conftest import Recorded


class TestHub:
    def test_fifty_clients_of_one_port_differ_by_their_ports(self) -> None:
        with ExitStack() as stack:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
            address = listener.getsockname()
            clients = [
                stack.enter_context(socket.create_connection(address)).getsockname()
                for _ in range(50)
            ]
            picture = pictures.hub(address, clients, finding="Fifty clients share one port.")
        assert len(set(picture.data["connections"])) == 50
        assert (picture.data["client_hosts"], picture.data["client_ports"]) == (1, 50)
        assert picture.alt == (
            "Hub: one listening port in the middle, 50 clients in a circle around it, one line for "
            "each connection. All 50 connections have the server's address and port in common. The "
            "clients have one address and each its own port, so all 50 4-tuples differ."
        )

    def test_clients_of_several_addresses_may_have_the_same_port(self) -> None:
        clients = [("127.0.0.1", 5000), ("127.0.0.2", 5000)]
        picture = pictures.hub(("127.0.0.1", 80), clients, finding="Two hosts.")
        assert "The clients have 2 addresses" in picture.alt
        assert "5000" not in picture.alt

    def test_one_client_is_a_hub_too(self) -> None:
        picture = pictures.hub(("::1", 80, 0, 0), [("::1", 5000, 0, 0)], finding="One.")
        assert picture.data["connections"] == [("::1", 5000, "::1", 80)]
        assert picture.alt.startswith("Hub: one listening port in the middle and one client.")

    def test_what_cannot_be_is_refused(self) -> None:
        server, client = ("127.0.0.1", 80), ("127.0.0.1", 5000)
        with pytest.raises(ValueError, match="no client is connected"):
            pictures.hub(server, [], finding="None.")
        with pytest.raises(ValueError, match=r"127\.0\.0\.1:5000 is given twice"):
            pictures.hub(server, [client, client], finding="Twice.")
        with pytest.raises(ValueError, match="1 to 65535; got 0"):
            pictures.hub(server, [("127.0.0.1", 0)], finding="Zero.")
        with pytest.raises(ValueError, match=r"an endpoint is \(host, port\); got 'x'"):
            pictures.hub(server, ["x"], finding="Text.")
        with pytest.raises(ValueError, match="room for 1,000 clients; 1,001 were given"):
            pictures.hub(server, [("h", 1 + n) for n in range(1001)], finding="Many.")


class TestStates:
    @pytest.mark.skipif(sys.platform != "linux", reason="TIME_WAIT is seen on Linux")
    def test_who_closes_first_keeps_time_wait(self, recorded: Recorded) -> None:
        recorder = StateRecorder(recorded.trace, recorded.ends)
        recorder.mark("connected")
        recorded.client.close()
        recorder.mark("client: close()", until={"client": "FIN_WAIT_2", "server": "CLOSE_WAIT"})
        assert recorded.server.recv(1) == b""
        recorded.server.close()
        recorder.mark("server: close()", until={"client": "TIME_WAIT", "server": "CLOSED"})
        picture = pictures.states(recorded.trace, finding="The first to close waits.")
        assert picture.data == {
            "marks": ["connected", "client: close()", "server: close()"],
            "states": {
                "client": ["ESTABLISHED", "FIN_WAIT_2", "TIME_WAIT"],
                "server": ["ESTABLISHED", "CLOSE_WAIT", "CLOSED"],
            },
        }
        assert picture.alt == (
            "State timeline of client and server, 3 steps. "
            'After "connected" the client is in ESTABLISHED and the server is in ESTABLISHED. '
            'After "client: close()" the client is in FIN_WAIT_2 and the server is in CLOSE_WAIT. '
            'After "server: close()" the client is in TIME_WAIT and the server is in CLOSED.'
        )

    def test_a_state_that_the_machine_does_not_show_is_drawn_as_such(self) -> None:
        trace = marked(("client", NOT_VISIBLE, "close()"), ("server", "CLOSE_WAIT", "close()"))
        picture = pictures.states(trace, finding="Half seen.")
        assert "the client is not visible here and the server is in CLOSE_WAIT" in picture.alt

    def test_a_trace_without_marks_is_refused(self, recorded: Recorded) -> None:
        with pytest.raises(ValueError, match=r"no TCP states of connection 1\. Make a"):
            pictures.states(recorded.trace, finding="Nothing.")

    def test_ends_that_were_marked_apart_are_refused(self) -> None:
        trace = marked(("client", "CLOSED", "one"), ("server", "CLOSED", "two"))
        with pytest.raises(ValueError, match="the server was not marked together"):
            pictures.states(trace, finding="Apart.")

    def test_too_many_marks_are_refused(self) -> None:
        trace = marked(*(("client", "CLOSED", f"call {number}") for number in range(13)))
        with pytest.raises(ValueError, match="room for 12 marks; the trace has 13"):
            pictures.states(trace, finding="Many.")


def marked(*told: tuple[str, str, str]) -> Trace:
    trace = Trace()
    for where, state, what in told:
        trace.add(where, "state", note=f"{state} after {what}")
    return trace
