"""The trace: what is kept, how it is searched, and how it is written."""

from __future__ import annotations

import json
import struct
import threading
from pathlib import Path

import pytest

from labsupport import Trace, hexdump
from labsupport.clock import now
from labsupport.pcap import CLIENT, COMMENT, SERVER
from labsupport.trace import Direction


def exchange() -> Trace:
    """A question and an answer, recorded at both ends."""
    trace = Trace()
    trace.add("client", "open")
    trace.add("server", "open")
    trace.add("client", "sent", direction="to_server", data=b"hello\n")
    trace.add("server", "received", direction="to_server", data=b"hel")
    trace.add("server", "received", direction="to_server", data=b"lo\n", offset=3)
    trace.add("server", "sent", direction="to_client", data=b"HELLO\n")
    trace.add("client", "received", direction="to_client", data=b"HELLO\n")
    trace.add("client", "eof", direction="to_server", offset=6)
    return trace


def through_a_link() -> Trace:
    trace = Trace()
    trace.add("link", "open")
    trace.add("link", "fault", direction="to_server", note="cut=1")
    trace.add("link", "received", direction="to_server", data=b"abc")
    for at in range(3):
        trace.add("link", "sent", direction="to_server", data=b"abc"[at : at + 1], offset=at)
    trace.add("link", "received", direction="to_client", data=b"ok")
    trace.add("link", "sent", direction="to_client", data=b"ok")
    trace.add("link", "reset", direction="to_client", note="sent: the fault reset")
    return trace


# -- keeping


def test_events_come_back_in_order_with_their_times() -> None:
    trace = exchange()
    assert [event.kind for event in trace.events][:3] == ["open", "open", "sent"]
    times = [event.at for event in trace.events]
    assert times == sorted(times)
    assert 0 <= times[0] <= trace.moment()


def test_an_event_that_happened_earlier_is_put_where_it_belongs() -> None:
    trace = Trace()
    before = trace.moment()
    trace.add("server", "received", direction="to_server", data=b"x")
    trace.add("client", "sent", direction="to_server", data=b"x", at=before)
    assert [event.kind for event in trace.events] == ["sent", "received"]


def test_an_unknown_kind_is_refused_with_the_list_of_kinds() -> None:
    with pytest.raises(ValueError, match="open, sent, received"):
        Trace().add("client", "send")


def test_events_are_selected_by_everything_that_is_given() -> None:
    trace = exchange()
    assert len(trace.select(where="server")) == 4
    assert len(trace.select(where="server", kind="received")) == 2
    assert len(trace.select(direction="to_client", kind="received", where="client")) == 1
    assert trace.select(connection=2) == ()


def test_bytes_are_those_of_one_recorder_and_one_kind() -> None:
    trace = exchange()
    assert trace.bytes("to_server") == b"hello\n"
    assert trace.bytes("to_server", where="server") == b"hello\n"
    assert trace.bytes("to_server", where="server", kind="sent") == b""
    link = through_a_link()
    assert link.bytes("to_server") == b"abc"
    assert link.bytes("to_server", kind="sent") == b"abc"
    assert Trace().bytes("to_client") == b""


def test_bytes_of_several_connections_follow_each_other() -> None:
    trace = Trace()
    for connection, data in ((1, b"a"), (2, b"x"), (1, b"b"), (2, b"y")):
        trace.add("server", "received", direction="to_server", connection=connection, data=data)
    assert trace.bytes("to_server") == b"abxy"
    assert trace.bytes("to_server", connection=2) == b"xy"


def test_memory_is_bounded_and_what_is_missing_is_said() -> None:
    trace = Trace(max_bytes=10)
    trace.add("link", "received", direction="to_server", data=b"12345678")
    full = trace.add("link", "received", direction="to_server", data=b"9abc", offset=8)
    assert full.data == b""
    assert full.note == "4 bytes not kept"
    assert trace.dropped == 4
    trace.add("link", "received", direction="to_server", data=b"de", offset=12)  # fits again
    assert trace.bytes("to_server") == b"12345678de"
    assert "4 bytes not kept: the trace is full at max_bytes=10" in repr(trace)


def test_the_number_of_events_is_bounded_too() -> None:
    trace = Trace(max_events=3)
    for _ in range(5):
        trace.add("client", "state", note="again")
    assert len(trace) == 3
    assert trace.dropped_events == 2
    assert "2 events not kept" in trace.transcript()


def test_many_threads_may_add_at_once() -> None:
    trace = Trace()

    def add(name: str) -> None:
        for number in range(500):
            trace.add(name, "sent", direction="to_server", data=b"x", offset=number)

    threads = [threading.Thread(target=add, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(trace) == 2000
    times = [event.at for event in trace.events]
    assert times == sorted(times)
    for number in range(4):
        offsets = [event.offset for event in trace.select(where=f"t{number}")]
        assert offsets == list(range(500))


def test_waiting_ends_when_the_event_comes_or_tells_what_came_instead() -> None:
    trace = Trace()
    adding = threading.Timer(0.05, trace.add, args=("server", "eof"))
    adding.start()
    (event,) = trace.wait("eof", where="server", deadline=5)
    assert event.kind == "eof"
    adding.join()
    began = now()
    with pytest.raises(TimeoutError, match=r"0 'reset' events of 1 came within 0.05 s(.|\n)*eof"):
        trace.wait("reset", deadline=0.05)
    assert now() - began >= 0.05


# -- searching


@pytest.mark.parametrize(
    ("needle", "found"),
    [
        (b"hello", ["client sent", "server received", "server received"]),
        (b"el", ["client sent", "server received"]),
        (b"\n", ["client sent", "server received", "server sent", "client received"]),
        (b"HELLO\n", ["server sent", "client received"]),
        (b"nothing", []),
    ],
)
def test_a_needle_is_found_within_and_across_events(needle: bytes, found: list[str]) -> None:
    assert [f"{event.where} {event.kind}" for event in exchange().find(needle)] == found


def test_a_needle_does_not_span_missing_bytes_connections_or_datagrams() -> None:
    trace = Trace()
    trace.add("link", "received", direction="to_server", data=b"ab")
    trace.add("link", "received", direction="to_server", data=b"cd", offset=3)
    trace.add("link", "received", direction="to_server", data=b"ef", connection=2)
    trace.add("link", "datagram", direction="to_server", data=b"gh", note="received")
    trace.add("link", "datagram", direction="to_server", data=b"ij", offset=1, note="received")
    for needle in (b"bc", b"de", b"bf", b"hi"):
        assert trace.find(needle) == ()
    assert len(trace.find(b"ij")) == 1


def test_overlapping_occurrences_are_all_found() -> None:
    trace = Trace()
    for at in range(5):
        trace.add("link", "received", direction="to_server", data=b"a", offset=at)
    assert len(trace.find(b"aa")) == 5


def test_an_empty_needle_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Trace().find(b"")


# -- as text


def test_a_transcript_has_a_line_for_each_event() -> None:
    assert exchange().transcript().splitlines() == [
        "client · open",
        "server · open",
        r"client → sent     6 bytes b'hello\n'",
        "server → received 3 bytes b'hel'",
        r"server → received 3 bytes b'lo\n'",
        r"server ← sent     6 bytes b'HELLO\n'",
        r"client ← received 6 bytes b'HELLO\n'",
        "client → eof",
    ]


def test_neighbours_of_one_stream_can_be_joined() -> None:
    lines = exchange().transcript(join=True).splitlines()
    assert lines[3] == r"server → received 6 bytes in 2 reads b'hello\n'"
    assert len(lines) == 7


def test_times_are_shown_only_when_asked_for() -> None:
    assert " ms " not in exchange().transcript()
    assert all(" ms " in line for line in exchange().transcript(times=True).splitlines())


def test_connections_are_told_apart_when_there_are_several() -> None:
    trace = Trace()
    trace.add("server", "open", connection=1)
    trace.add("server", "open", connection=2)
    trace.add("link", "fault", connection=0, note="changed: cut=1")
    assert trace.transcript().splitlines() == [
        "server #1 · open",
        "server #2 · open",
        "link      · fault    changed: cut=1",
    ]


def test_long_data_is_cut_and_an_empty_trace_says_so() -> None:
    trace = Trace()
    assert repr(trace) == "(no events)"
    trace.add("client", "sent", direction="to_server", data=bytes(5000))
    (line,) = trace.transcript().splitlines()
    assert "5,000 bytes" in line
    assert len(line) < 100


def test_the_representation_is_capped_and_html_is_escaped() -> None:
    trace = Trace()
    for number in range(100):
        trace.add("client", "sent", direction="to_server", data=b"<b>&", offset=number * 4)
    assert len(repr(trace).splitlines()) == 41
    assert "and 60 more lines" in repr(trace)
    assert "<b>" not in trace._repr_html_()
    assert "&lt;b&gt;&amp;" in trace._repr_html_()


def test_what_a_full_trace_has_not_kept_is_one_rung() -> None:
    trace = Trace(max_bytes=4)
    for number in range(4):
        trace.add("client", "sent", direction="to_server", data=b"four", offset=4 * number)
    assert "3 x 4 bytes not kept" in trace.ladder_text()
    assert "3 x" not in trace.ladder_text(join=False)


def test_a_ladder_of_one_end_spans_the_width() -> None:
    trace = Trace()
    trace.add("client", "sent", direction="to_server", data=b"ping")
    trace.add("client", "received", direction="to_client", data=b"pong")
    trace.add("client", "eof", direction="to_client")
    trace.add("client", "timeout", note="recv waited 1 s")
    assert trace.ladder_text().splitlines() == [
        "client" + " " * 59 + "server",
        "|-- 4 bytes b'ping' ".ljust(69, "-") + ">|",
        "|<" + " 4 bytes b'pong' --|".rjust(69, "-"),
        "|<" + " EOF --|".rjust(69, "-"),
        "|   (client: timeout recv waited 1 s)",
    ]


def test_a_ladder_of_both_ends_has_a_half_for_each() -> None:
    lines = exchange().ladder_text().splitlines()
    assert lines[3] == r"|-- 6 bytes b'hello\n' ".ljust(34, "-") + ">" + " " * 35 + "|"
    assert lines[4].startswith("|" + " " * 35 + "-- 6 bytes in 2 reads")
    assert {len(line) for line in lines if not line.startswith("|   (")} == {71}


def test_a_ladder_with_a_link_has_it_in_the_middle() -> None:
    lines = through_a_link().ladder_text().splitlines()
    assert lines[0].split() == ["client", "link", "server"]
    assert lines[3] == "|-- 3 bytes b'abc' --------------->|" + " " * 34 + "|"
    assert "3 bytes in 3 sends" in lines[4][35:]
    assert lines[-1].startswith("|X--")
    assert "RST" in lines[-1]


def test_the_ends_of_a_ladder_can_have_other_names() -> None:
    trace = Trace()
    trace.add("checks", "sent", direction="to_client", data=b"x")
    lines = trace.ladder_text(client="your program", server="checks").splitlines()
    assert lines[0].split() == ["your", "program", "checks"]
    assert lines[1].startswith("|<")


# -- as files


def test_json_brings_back_the_same_events() -> None:
    trace = exchange()
    trace.add("client", "sent", direction="to_server", data=bytes(range(256)), offset=6, note="é")
    text = trace.to_json()
    json.loads(text)
    back = Trace.from_json(text)
    assert back.events == trace.events
    assert back.transcript() == trace.transcript()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "something else"}', "null"])
def test_other_text_is_refused_as_a_trace(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a trace that Trace\.to_json wrote"):
        Trace.from_json(text)


class Packet:
    """What a packet analyser would read of one packet."""

    def __init__(self, raw: bytes) -> None:
        assert raw[0] == 0x45
        assert checksum(raw[:20]) == 0
        assert struct.unpack("!H", raw[2:4])[0] == len(raw)
        self.protocol, self.source, self.target = raw[9], raw[12:16], raw[16:20]
        inner = raw[20:]
        pseudo = raw[12:20] + struct.pack("!BBH", 0, self.protocol, len(inner))
        assert checksum(pseudo + inner) == 0
        self.ports = struct.unpack("!HH", inner[:4])
        if self.protocol == 6:
            self.sequence, self.acknowledged = struct.unpack("!II", inner[4:12])
            self.flags = inner[13]
        self.payload = inner[20:] if self.protocol == 6 else inner[8:]


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def read_pcapng(path: Path) -> tuple[str, list[tuple[float, Packet]]]:
    """The file's comment and its packets with their times."""
    raw, comment, packets = path.read_bytes(), "", []
    while raw:
        kind, length = struct.unpack("<II", raw[:8])
        assert length % 4 == 0
        assert struct.unpack("<I", raw[length - 4 : length])[0] == length
        body, raw = raw[8 : length - 4], raw[length:]
        if kind == 0x0A0D0D0A:
            code, size = struct.unpack("<HH", body[16:20])
            assert code == 1
            comment = body[20 : 20 + size].decode()
        elif kind == 6:
            _, high, low, captured, original = struct.unpack("<5I", body[:20])
            assert captured == original
            packets.append((((high << 32) + low) / 1e6, Packet(body[20 : 20 + captured])))
    return comment, packets


def test_packets_are_readable_and_say_that_they_are_synthetic(tmp_path: Path) -> None:
    trace = exchange()
    path = tmp_path / "exchange.pcapng"
    assert trace.to_pcap(path) == 3
    comment, packets = read_pcapng(path)
    assert comment == COMMENT
    assert "Synthetic" in comment
    (_, question), (_, answer), (_, end) = packets
    assert (question.source, question.target) == (CLIENT, SERVER)
    assert (answer.source, answer.target) == (SERVER, CLIENT)
    assert (question.payload, answer.payload, end.payload) == (b"hello\n", b"HELLO\n", b"")
    assert (question.sequence, answer.sequence, end.sequence) == (1, 1, 7)
    assert (question.acknowledged, answer.acknowledged) == (1, 7)
    assert end.flags & 1
    assert packets[0][0] == pytest.approx(trace.began + trace.select(kind="sent")[0].at, abs=1e-5)


def test_packets_of_a_link_are_each_byte_once(tmp_path: Path) -> None:
    path = tmp_path / "link.pcapng"
    trace = through_a_link()
    trace.to_pcap(path)
    _, packets = read_pcapng(path)
    assert [packet.payload for _, packet in packets] == [b"abc", b"ok"]


def test_large_events_become_several_packets_and_connections_have_their_ports(
    tmp_path: Path,
) -> None:
    trace = Trace()
    trace.add("client", "sent", direction="to_server", data=bytes(100_000))
    trace.add("client", "sent", direction="to_server", data=b"other", connection=2)
    path = tmp_path / "large.pcapng"
    assert trace.to_pcap(path) == 3
    _, packets = read_pcapng(path)
    assert sum(len(packet.payload) for _, packet in packets) == 100_005
    assert packets[1][1].sequence == 1 + len(packets[0][1].payload)
    assert len({packet.ports for _, packet in packets}) == 2


def test_datagrams_become_udp_packets(tmp_path: Path) -> None:
    directions: tuple[Direction, ...] = ("to_server", "to_client")
    trace = Trace()
    for direction in directions:
        for note in ("received", "sent"):
            trace.add("link", "datagram", direction=direction, data=b"data", note=note)
    path = tmp_path / "udp.pcapng"
    assert trace.to_pcap(path) == 2
    _, packets = read_pcapng(path)
    assert [(packet.protocol, packet.payload) for _, packet in packets] == [(17, b"data")] * 2


def test_a_trace_without_bytes_makes_no_packets(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no packet to write"):
        Trace().to_pcap(tmp_path / "nothing.pcapng")


# -- hexdump


def test_a_hexdump_has_offset_bytes_and_printable_characters() -> None:
    assert hexdump(b"\x00\x05hello, network\n\xff") == (
        "00000000  00 05 68 65 6c 6c 6f 2c  20 6e 65 74 77 6f 72 6b  |..hello, network|\n"
        "00000010  0a ff                                             |..|"
    )
    assert hexdump(b"") == "(no bytes)"


def test_marked_bytes_have_carets_below_in_both_columns() -> None:
    above, below = hexdump(b"abcdefgh", mark=range(2, 4)).splitlines()
    assert below.split() == ["^^", "^^", "^^"]
    assert below.index("^^") == above.index("63 64")
    assert below.rindex("^^") == above.index("cd")


def test_a_mark_behind_the_last_byte_points_at_what_is_missing() -> None:
    lines = hexdump(b"0123456789abcdef", mark=range(16, 17)).splitlines()
    assert lines[1].startswith("00000010")
    assert lines[2].strip().startswith("^^")
    assert hexdump(b"", mark=range(0, 1)).splitlines()[1].strip().startswith("^^")


def test_notes_stand_beside_the_bytes_they_are_about() -> None:
    data = b"\x00\x00\x00\x14" + bytes(20)
    lines = hexdump(data, notes={range(0, 4): "length", range(4, 24): "payload"}).splitlines()
    assert [line[61:] for line in lines if "--" in line] == [
        "length",
        "payload",
        "payload, continued",
    ]
    assert lines[1][10:21] == "-- -- -- --"


def test_a_window_of_a_longer_stream_keeps_its_offsets() -> None:
    lines = hexdump(b"xyz", start=0x1000, mark=range(0x1001, 0x1002)).splitlines()
    assert lines[0].startswith("00001000  78 79 7a")
    assert lines[1][13:15] == "^^"
