"""Events written as packets that a packet analyser opens: synthetic, and marked so.

A trace knows which bytes were sent or received and when, not the segments that carried them.
This module makes up the rest, as little as an analyser needs: IPv4 addresses from a documentation
range, ports that tell the connections apart, sequence numbers that are the offsets plus one, FIN
for an end of stream and RST for a reset. There is no handshake, and no acknowledgement travels
alone.

The file format is pcapng (draft-ietf-opsawg-pcapng), because unlike pcap it can carry comments: one
for the whole file, and one for each packet whose event has a note. The link type is raw IP.
IPv4: RFC 791; TCP: RFC 9293; UDP: RFC 768; the checksum: RFC 1071.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labsupport.trace import Event

__all__ = ["CLIENT", "COMMENT", "SERVER", "write"]

CLIENT = bytes([192, 0, 2, 1])
SERVER = bytes([192, 0, 2, 2])
COMMENT = (
    "Synthetic packets made by labsupport from a trace of bytes. Addresses, ports, "
    "acknowledgements and packet boundaries are made up; bytes, their order and their times are "
    "those of the trace."
)

_SERVER_PORT = 9
_FIRST_CLIENT_PORT = 50_000
_LARGEST_PAYLOAD = 65_535 - 20 - 20
_FIN, _RST, _PSH, _ACK = 0x01, 0x04, 0x08, 0x10
_TCP, _UDP = 6, 17
_RAW_IP = 101  # LINKTYPE_RAW


def write(
    path: str | os.PathLike[str],
    events: Iterable[Event],
    *,
    began: float,
    where: str | None = None,
) -> int:
    """Write one recorder's events as a pcapng file and return the number of packets.

    began: when the trace began, in seconds since 1970 (UTC).
    where: whose events; without it, the first recorder that saw data.

    Raises ValueError when there is nothing to write, OSError when the file cannot be written.
    """
    chosen = _one_view(tuple(events), where)
    blocks = [_section(), _interface()]
    packets = 0
    ends: dict[tuple[int, str], int] = {}  # how many bytes each direction has carried so far
    for event in chosen:
        outward = event.direction == "to_server"
        seen = ends.get((event.connection, "to_client" if outward else "to_server"), 0)
        for packet in _packets(event, seen):
            blocks.append(_packet_block(packet, began + event.at, event.note))
            packets += 1
        ends[event.connection, str(event.direction)] = event.offset + len(event.data)
    if not packets:
        who = f" that {where!r} recorded" if where else ""
        raise ValueError(f"the trace holds no bytes{who}, so there is no packet to write")
    Path(path).write_bytes(b"".join(blocks))
    return packets


def _one_view(events: tuple[Event, ...], where: str | None) -> list[Event]:
    """The events of one recorder; of a Link, which sees all bytes twice, those that came in."""
    moving = [event for event in events if event.moved and where in (None, event.where)]
    if not moving:
        return []
    name = moving[0].where
    seen = {(event.direction, event.moved) for event in moving if event.where == name}
    between = any({(way, "received"), (way, "sent")} <= seen for way in ("to_server", "to_client"))
    return [
        event
        for event in events
        if event.where == name
        and event.direction is not None
        and (event.moved or event.kind in ("eof", "reset"))
        and not (between and (event.moved == "sent" or event.note.startswith("sent")))
    ]


def _packets(event: Event, seen: int) -> Iterator[bytes]:
    """The packets for one event; seen: bytes of the other direction that it acknowledges."""
    outward = event.direction == "to_server"
    source, target = (CLIENT, SERVER) if outward else (SERVER, CLIENT)
    client_port = _FIRST_CLIENT_PORT + event.connection % 10_000
    ports = (client_port, _SERVER_PORT) if outward else (_SERVER_PORT, client_port)
    if event.kind == "datagram":
        head = struct.pack("!HHHH", *ports, 8 + len(event.data), 0)
        yield _ip(source, target, _UDP, head, event.data, checksum_at=6)
        return
    flags = {"eof": _FIN | _ACK, "reset": _RST | _ACK}.get(event.kind, _PSH | _ACK)
    for start in range(0, max(1, len(event.data)), _LARGEST_PAYLOAD):
        payload = event.data[start : start + _LARGEST_PAYLOAD]
        sequence, acknowledged = event.offset + start + 1, seen + 1
        head = struct.pack(
            "!HHIIBBHHH",
            *ports,
            sequence & 0xFFFFFFFF,
            acknowledged & 0xFFFFFFFF,
            5 << 4,
            flags,
            65_535,
            0,
            0,
        )
        yield _ip(source, target, _TCP, head, payload, checksum_at=16)


def _ip(
    source: bytes, target: bytes, protocol: int, head: bytes, payload: bytes, *, checksum_at: int
) -> bytes:
    """An IPv4 packet around a TCP or UDP header whose checksum field is filled in."""
    pseudo = source + target + struct.pack("!BBH", 0, protocol, len(head) + len(payload))
    total = _checksum(pseudo + head + payload)
    head = head[:checksum_at] + struct.pack("!H", total) + head[checksum_at + 2 :]
    length = 20 + len(head) + len(payload)
    address = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length, 0, 0, 64, protocol, 0, source, target)
    address = address[:10] + struct.pack("!H", _checksum(address)) + address[12:]
    return address + head + payload


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _section() -> bytes:
    body = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    return _block(0x0A0D0D0A, body + _comment(COMMENT))


def _interface() -> bytes:
    return _block(1, struct.pack("<HHI", _RAW_IP, 0, 0))


def _packet_block(packet: bytes, at: float, note: str) -> bytes:
    microseconds = round(at * 1_000_000)
    high, low = microseconds >> 32, microseconds & 0xFFFFFFFF
    body = struct.pack("<IIIII", 0, high, low, len(packet), len(packet))
    return _block(6, body + _padded(packet) + (_comment(note) if note else b""))


def _comment(text: str) -> bytes:
    """The option opt_comment, and the end of options."""
    raw = text.encode()
    return struct.pack("<HH", 1, len(raw)) + _padded(raw) + struct.pack("<HH", 0, 0)


def _block(kind: int, body: bytes) -> bytes:
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
