"""The ladder: who gave which bytes, and who took them."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from labsupport import pictures
from labsupport.link import Link
from labsupport.pictures import Picture
from labsupport.recording import record
from labsupport.trace import Trace

if TYPE_CHECKING:
    from tests.pictures.conftest import Recorded


def said(picture: Picture) -> list[str]:
    """Each row as "who: what"."""
    return [f"{row['where']}: {row['said']}" for row in picture.data["rows"]]


def arrows(picture: Picture) -> list[tuple[str, str]]:
    words = said(picture)
    return [(words[start], words[end]) for start, end in picture.data["arrows"]]


def read_all(sock: socket.socket) -> None:
    while sock.recv(100):
        pass


def made(*events: tuple[Any, ...]) -> Trace:
    """A trace of (where, kind, direction, data, offset, note), the last ones optional."""
    trace = Trace()
    for where, kind, *rest in events:
        direction, data, offset, note = (*rest, *(None, b"", 0, "")[len(rest) :])
        trace.add(where, kind, direction=direction, data=data, offset=offset, note=note)
    return trace


def test_three_sends_end_at_the_one_read_that_took_them(recorded: Recorded) -> None:
    for line in (b"one\n", b"two\n", b"three\n"):
        recorded.client.sendall(line)
    recorded.arrived(14)
    recorded.server.recv(1024)
    picture = pictures.ladder(recorded.trace, finding="One read.")
    assert picture.data["columns"] == ["client", "server"]
    assert arrows(picture) == [
        ("client: sent 4 B", "server: read 14 B"),
        ("client: sent 4 B", "server: read 14 B"),
        ("client: sent 6 B", "server: read 14 B"),
    ]


def test_one_send_begins_the_arrows_of_all_reads_that_took_from_it(recorded: Recorded) -> None:
    recorded.client.sendall(b"0123456789")
    recorded.arrived(10)
    recorded.server.recv(4)
    recorded.server.recv(6)
    picture = pictures.ladder(recorded.trace, finding="Two reads.")
    assert arrows(picture) == [
        ("client: sent 10 B", "server: read 4 B"),
        ("client: sent 10 B", "server: read 6 B"),
    ]


def test_a_half_close_and_a_close_are_arrows_to_the_end_that_was_read(recorded: Recorded) -> None:
    recorded.client.shutdown(socket.SHUT_WR)
    assert recorded.server.recv(1) == b""
    recorded.server.close()
    assert recorded.client.recv(1) == b""
    recorded.client.close()
    picture = pictures.ladder(recorded.trace, finding="Both ends end.")
    assert arrows(picture) == [
        ("client: ends its sending (FIN)", "server: reads the end (EOF)"),
        ("server: close", "client: reads the end (EOF)"),
    ]
    assert picture.alt == (
        "Ladder between client and server. "
        "Client: open; ends its sending (FIN); reads the end (EOF); close. "
        "Server: open; reads the end (EOF); close."
    )


def test_a_reset_is_the_arrow_of_the_close_that_caused_it(recorded: Recorded) -> None:
    recorded.client.sendall(b"nobody reads this")
    recorded.arrived(17)
    recorded.server.close()
    with pytest.raises(ConnectionResetError):
        recorded.client.recv(1)
    picture = pictures.ladder(recorded.trace, finding="Reset.")
    assert arrows(picture) == [
        ("server: close", "client: reset (RST): ConnectionResetError in recv")
    ]


def test_a_timeout_stands_at_the_end_that_waited(recorded: Recorded) -> None:
    recorded.client.settimeout(0.01)
    with pytest.raises(TimeoutError):
        recorded.client.recv(1)
    picture = pictures.ladder(recorded.trace, finding="Nothing comes.")
    assert "client: timeout: recv waited 0.01 s" in said(picture)
    assert arrows(picture) == []


def test_a_link_stands_between_the_ends_with_its_faults() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Link(listener.getsockname(), to_client={"reset": 4}) as link,
    ):

        def serve() -> None:
            accepted, _ = listener.accept()
            with record(accepted, link.trace, "server") as peer:
                peer.sendall(peer.recv(100).upper())

        thread = threading.Thread(target=serve)
        thread.start()
        with record(socket.create_connection(link.address), link.trace, "client") as client:
            client.settimeout(5)
            client.sendall(b"hello world\n")
            with pytest.raises(ConnectionResetError):
                read_all(client)
        thread.join()
    picture = pictures.ladder(link.trace, finding="The link resets.")
    assert picture.data["columns"] == ["client", "link", "server"]
    passed = arrows(picture)
    assert ("client: sent 12 B", "link: read 12 B") in passed
    assert ("link: sent 12 B", "server: read 12 B") in passed
    assert ("server: sent 12 B", "link: read 12 B") in passed
    assert "fault: reset at offset 4, to client" in picture.alt
    assert "passed 12 bytes on to server" in picture.alt


def test_a_link_alone_is_drawn_between_ends_that_nobody_recorded() -> None:
    trace = made(
        ("link", "received", "to_server", b"hello"),
        ("link", "fault", "to_server", b"", 0, "cut=3"),
        ("link", "sent", "to_server", b"hel"),
        ("link", "sent", "to_server", b"lo", 3),
        ("link", "eof", "to_client", b"", 0, "received"),
        ("link", "eof", "to_client", b"", 0, "sent"),
    )
    picture = pictures.ladder(trace, finding="Alone.")
    assert picture.data["columns"] == ["client", "link", "server"]
    assert arrows(picture) == []
    assert said(picture)[-2:] == ["link: reads the end (EOF)", "link: ends its sending (FIN)"]
    assert picture.alt == (
        "Ladder between client, link and server. "
        "Link: passed 5 bytes on to server; fault: cut=3, to server."
    )


def test_a_datagram_is_matched_by_its_content_and_may_get_lost_or_overtaken() -> None:
    trace = made(
        *(("client", "datagram", "to_server", b"%d" % n, n, "sent") for n in range(3)),
        ("server", "datagram", "to_server", b"2", 0, "received"),
        ("server", "datagram", "to_server", b"0", 1, "received"),
    )
    assert pictures.ladder(trace, finding="Lost.").data["arrows"] == [(0, 4), (2, 3)]


def test_a_datagram_that_a_read_has_cut_did_arrive() -> None:
    trace = made(
        *(("client", "datagram", "to_server", b"one %d" % n, n, "sent") for n in range(3)),
        ("server", "datagram", "to_server", b"one", 0, "received"),
        ("server", "datagram", "to_server", b"one 1", 1, "received"),
        ("server", "datagram", "to_server", b"two", 2, "received"),
    )
    data = pictures.ladder(trace, finding="Cut.").data
    assert data["arrows"] == [(0, 3), (1, 4)]
    assert [row["said"] for row in data["rows"][3:]] == [
        "got datagram, 3 B of 5 B",
        "got datagram, 5 B",
        "got datagram, 3 B",
    ]


def test_connections_are_numbered_when_there_are_several() -> None:
    trace = Trace()
    for number in (1, 2):
        trace.add("client", "sent", direction="to_server", data=b"x", connection=number)
        trace.add("server", "received", direction="to_server", data=b"x", connection=number)
    picture = pictures.ladder(trace, finding="Two.")
    assert picture.data["arrows"] == [(0, 1), (2, 3)]
    assert "Client, connection 1: sent 1 byte in 1 send." in picture.alt


def test_a_long_trace_joins_neighbours_and_a_longer_one_is_cut_in_the_middle() -> None:
    events = []
    for number in range(120):
        where = "client" if number % 12 < 10 else "server"
        kind = "sent" if where == "client" else "received"
        events.append((where, kind, "to_server", b"ab", number * 2))
    whole = pictures.ladder(made(*events), finding="Long.", join=False)
    assert len(whole.data["rows"]) == 120
    assert len(whole.data["drawn"]) == 49
    assert whole.data["drawn"][-1] == 119
    joined = pictures.ladder(made(*events), finding="Long.")
    assert said(joined)[0] == "client: sent 20 B in 10 sends"
    assert len(joined.data["rows"]) == 20


def test_the_words_are_free_of_payloads_because_those_may_hold_ports(recorded: Recorded) -> None:
    recorded.client.sendall(f"Host: 127.0.0.1:{recorded.ends[1][1]}".encode())
    picture = pictures.ladder(recorded.trace, finding="A header.")
    assert "Host" not in picture.alt
    assert str(recorded.ends[1][1]) not in picture.alt


def test_what_the_ends_tell_does_not_depend_on_who_came_first() -> None:
    client = [("client", "sent", "to_server", b"a"), ("client", "sent", "to_server", b"b", 1)]
    server = [("server", "sent", "to_client", b"x"), ("server", "close", "to_client")]
    one = pictures.ladder(made(*client, *server), finding="One.")
    other = pictures.ladder(made(server[0], client[0], server[1], client[1]), finding="Other.")
    assert one.alt == other.alt


def test_absurd_traces_are_drawn_or_refused() -> None:
    with pytest.raises(ValueError, match="the trace has no events"):
        pictures.ladder(Trace(), finding="Nothing.")
    with pytest.raises(ValueError, match="at least 4 rows"):
        pictures.ladder(made(("client", "open")), finding="Small.", most=3)
    odd = made(
        ("server", "received", "to_server", b"never sent", 7),
        ("client", "eof", "to_client"),
        ("observer", "error", None, b"", 0, "a note\nof two lines " * 30),
        ("client", "sent", "to_server", b""),
    )
    assert len(pictures.ladder(odd, finding="Odd.").png()) > 1000
