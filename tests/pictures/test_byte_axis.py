"""The byte axis: what was sent and what was read, over the same bytes."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from labsupport import pictures
from labsupport.link import Link
from labsupport.recording import record
from labsupport.trace import Trace

if TYPE_CHECKING:
    from tests.pictures.conftest import Recorded


def test_three_sends_that_are_read_as_one(recorded: Recorded) -> None:
    for line in (b"GET /a\n", b"GET /bc\n", b"GET /def\n"):
        recorded.client.sendall(line)
    recorded.arrived(24)
    recorded.server.recv(1024)
    picture = pictures.byte_axis(recorded.trace, finding="Three sends, one read.")
    assert picture.data == {
        "direction": "to_server",
        "total": 24,
        "rows": {"client sent": [(0, 7), (7, 8), (15, 9)], "server read": [(0, 24)]},
        "cuts": {"client sent": [7, 15], "server read": []},
        "kept": [],
        "unread": 0,
        "parts": [],
    }
    assert picture.alt == (
        "Byte axis: 24 bytes from client to server. The client sent 3 times: 7, 8 and 9 bytes. "
        "The server read once: 24 bytes. Of the 2 cuts between its sends, none is a cut in what "
        "the server read."
    )


def test_cuts_that_both_ends_have_and_bytes_that_nobody_read(recorded: Recorded) -> None:
    for byte in range(10):
        recorded.client.sendall(bytes([byte]))
    recorded.arrived(10)
    recorded.server.recv(4)
    recorded.server.recv(3)
    picture = pictures.byte_axis(recorded.trace, finding="Three bytes were not read.")
    assert picture.data["kept"] == picture.data["cuts"]["server read"] == [4, 7]
    assert picture.data["unread"] == 3
    assert picture.alt.endswith(
        "Of the 9 cuts between its sends, 2 are cuts in what the server read. "
        "3 bytes at the end were not read."
    )


def test_a_link_has_a_row_between_the_ends() -> None:
    trace = Trace()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        got: list[bytes] = []

        def serve() -> None:
            accepted, _ = listener.accept()
            with record(accepted, trace, "server") as peer:
                while data := peer.recv(100):
                    got.append(data)

        thread = threading.Thread(target=serve)
        thread.start()
        with Link(listener.getsockname(), to_server={"cut": 5}) as link:
            with record(socket.create_connection(link.address), trace, "client") as client:
                client.sendall(b"hello world\n")
                client.shutdown(socket.SHUT_WR)
                client.settimeout(5)
                client.recv(1)
            thread.join()
            for event in link.trace.events:
                trace.add(
                    "link", event.kind, direction=event.direction, data=event.data,
                    offset=event.offset, at=event.at,
                )  # fmt: skip
    if not link.causal:
        pytest.skip("cuts are exact on Linux only")
    picture = pictures.byte_axis(trace, finding="One send, three pieces, three reads.")
    pieces = [(0, 5), (5, 5), (10, 2)]
    assert picture.data["rows"] == {
        "client sent": [(0, 12)], "link sent": pieces, "server read": pieces
    }  # fmt: skip


def test_a_link_alone_shows_its_own_reads_and_writes() -> None:
    trace = Trace()
    trace.add("cable", "received", direction="to_client", data=b"hello")
    trace.add("cable", "sent", direction="to_client", data=b"he")
    trace.add("cable", "sent", direction="to_client", data=b"llo", offset=2)
    picture = pictures.byte_axis(trace, finding="The cable cuts.")
    assert picture.data["direction"] == "to_client"
    assert picture.data["rows"] == {"cable read": [(0, 5)], "cable sent": [(0, 2), (2, 3)]}
    assert picture.alt.startswith("Byte axis: 5 bytes from server to client.")


def test_either_direction_can_be_asked_for(recorded: Recorded) -> None:
    recorded.client.sendall(b"ping")
    recorded.arrived(4)
    recorded.server.recv(4)
    recorded.server.sendall(b"pong!")
    picture = pictures.byte_axis(recorded.trace, finding="Unread.", direction="to_client")
    assert picture.data["rows"] == {"server sent": [(0, 5)], "client read": []}
    assert picture.data["unread"] == 5
    assert "The client read nothing." in picture.alt


HEADER_AND_BODY = {range(0, 4): "header", range(4, 6): "body"}


def test_parts_of_a_message_have_a_row_and_their_borders_are_compared(recorded: Recorded) -> None:
    recorded.client.sendall(b"\x00\x00\x00\x02hi")
    recorded.arrived(6)
    recorded.server.recv(4)
    recorded.server.recv(2)
    picture = pictures.byte_axis(
        recorded.trace, finding="A read ends where a part ends.", notes=HEADER_AND_BODY
    )
    assert picture.data["parts"] == [(0, 4, "header"), (4, 6, "body")]
    assert picture.data["rows"] == {"client sent": [(0, 6)], "server read": [(0, 4), (4, 2)]}
    assert picture.alt == (
        "Byte axis: 6 bytes from client to server. The client sent once: 6 bytes. "
        "The server read 2 times: 4 and 2 bytes. The parts: header (4 bytes) and body (2 bytes). "
        "Of their 1 border, 1 is a cut in what the server read."
    )
    texts = [text.get_text() for text in picture.figure.axes[0].texts]
    assert texts.count("header") == texts.count("body") == 1
    thick = [line for line in picture.figure.axes[0].lines if line.get_linewidth() > 2]
    assert len({line.get_xdata()[0] for line in thick}) == 3


def test_parts_may_leave_bytes_out_and_may_be_read_across(recorded: Recorded) -> None:
    recorded.client.sendall(b"abcdef")
    recorded.arrived(6)
    recorded.server.recv(6)
    picture = pictures.byte_axis(recorded.trace, finding="One read.", notes={range(1, 3): "bc"})
    assert picture.alt.endswith("Of their 2 borders, none is a cut in what the server read.")


@pytest.mark.parametrize(
    "spans",
    [[range(0, 7)], [range(-1, 2)], [range(2, 2)], [range(0, 6, 2)], [range(0, 3), range(2, 4)]],
    ids=["behind the end", "before the start", "empty", "with gaps", "overlapping"],
)
def test_a_note_about_bytes_that_there_are_not_is_refused(
    recorded: Recorded, spans: list[range]
) -> None:
    recorded.client.sendall(b"abcdef")
    with pytest.raises(ValueError, match=r"range\(\.\.\., 6\): 6 bytes travelled"):
        pictures.byte_axis(recorded.trace, finding="No.", notes={span: "x" for span in spans})


def test_recorders_may_have_other_names() -> None:
    trace = Trace()
    trace.add("alice", "sent", direction="to_server", data=b"x")
    trace.add("bob", "received", direction="to_server", data=b"x")
    picture = pictures.byte_axis(trace, finding="Named.", client="alice", server="bob")
    assert list(picture.data["rows"]) == ["alice sent", "bob read"]


def test_the_words_may_come_from_the_caller(recorded: Recorded) -> None:
    recorded.client.sendall(b"ping")
    assert pictures.byte_axis(recorded.trace, finding="F.", alt="Mine.").alt == "Mine."


def test_an_empty_trace_is_refused() -> None:
    with pytest.raises(ValueError, match="no bytes that were sent or read"):
        pictures.byte_axis(Trace(), finding="Nothing.")


def test_a_direction_without_bytes_is_refused(recorded: Recorded) -> None:
    recorded.client.sendall(b"ping")
    with pytest.raises(ValueError, match="no bytes travelled to the client on connection 1"):
        pictures.byte_axis(recorded.trace, finding="Nothing.", direction="to_client")


def test_several_connections_must_be_told_apart() -> None:
    trace = Trace()
    for number in (1, 2, 3):
        trace.add("client", "sent", direction="to_server", data=b"x" * number, connection=number)
    with pytest.raises(ValueError, match=r"3 connections \(1, 2 and 3\); say which one"):
        pictures.byte_axis(trace, finding="Which?")
    assert pictures.byte_axis(trace, finding="Two.", connection=2).data["total"] == 2
    with pytest.raises(ValueError, match="connection 9 has no bytes"):
        pictures.byte_axis(trace, finding="Nine.", connection=9)


def test_a_trace_that_was_too_full_is_refused() -> None:
    trace = Trace(max_bytes=3)
    trace.add("client", "sent", direction="to_server", data=b"abc")
    trace.add("client", "sent", direction="to_server", data=b"def", offset=3)
    with pytest.raises(ValueError, match="3 bytes were not kept"):
        pictures.byte_axis(trace, finding="Full.")


def test_a_megabyte_in_thousands_of_pieces_is_drawn() -> None:
    trace = Trace()
    for number in range(4000):
        for where, kind in (("client", "sent"), ("server", "received")):
            trace.add(
                where,
                kind,
                direction="to_server",
                data=bytes(1 + number % 500),
                offset=number * 250,
            )
    picture = pictures.byte_axis(trace, finding="Many.")
    assert "sent 4,000 times: 1 to 500 bytes each" in picture.alt
    assert len(picture.png()) < 150_000
