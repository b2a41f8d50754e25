"""Events as plain text: a transcript, a ladder, a hexdump.

Nothing here depends on times unless it is asked for, so that the text of a run can be compared with
that of another run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labsupport.trace import Event

__all__ = ["hexdump", "ladder", "plural", "transcript"]

_ARROWS = {"to_server": "→", "to_client": "←", None: "·"}
_SHOWN_BYTES = 48
_LANE = 34


def transcript(events: Sequence[Event], *, times: bool, join: bool) -> list[str]:
    """One line for each event; see Trace.transcript."""
    groups = _grouped(events, join=join)
    if not groups:
        return ["(no events)"]
    wide = max(len(group[0].where) for group in groups)
    several = _several(events)
    lines = []
    for group in groups:
        first = group[0]
        parts = [f"{first.where:<{wide}}"]
        if several:
            parts.append(f"#{first.connection}" if first.connection else "  ")
        parts += [_ARROWS[first.direction], f"{_verb(first):<8}", _said(group, _SHOWN_BYTES)]
        line = " ".join(parts).rstrip()
        lines.append(f"{first.at * 1000:9.2f} ms  {line}" if times else line)
    return lines


def ladder(events: Sequence[Event], client: str, server: str, *, join: bool) -> list[str]:
    """Two or three lifelines and the arrows between them; see Trace.ladder_text."""
    names = {event.where for event in events}
    middles = sorted(names - {client, server})
    halves = len(names) > 1 or bool(middles)
    heading = f"{client:<{_LANE}}{'/'.join(middles):^3}{server:>{_LANE}}"
    several = _several(events)
    numbered = any(event.kind == "fault" for event in events)  # faults name datagrams by number
    lines = [heading.rstrip()]
    for group in _grouped(events, join=join):
        first = group[0]
        number = f"#{first.connection} " if several and first.connection else ""
        if first.direction is None or first.kind in ("fault", "state", "timeout", "error"):
            who = "" if first.where in middles and len(middles) == 1 else f"{first.where}: "
            lines.append(f"|   {number}({who}{_label(group, 2 * _LANE, numbered)})")
            continue
        rightward = first.direction == "to_server"
        if not halves:
            label = number + _label(group, 2 * _LANE - 14, numbered)
            lines.append(f"|{_arrow(label, 2 * _LANE + 1, rightward, first.kind)}|")
            continue
        label = number + _label(group, _LANE - 12, numbered)
        arrow = _arrow(label, _LANE, rightward, first.kind)
        blank, middle = " " * _LANE, "|" if middles else " "
        left = first.where == client or (first.where != server and (_incoming(first) == rightward))
        lines.append(f"|{arrow}{middle}{blank}|" if left else f"|{blank}{middle}{arrow}|")
    return lines


def hexdump(
    data: bytes,
    *,
    mark: range | None = None,
    notes: Mapping[range, str] | None = None,
    start: int = 0,
) -> str:
    """The bytes as rows of 16: offset, hexadecimal, printable characters.

    mark: offsets under which a line of ^ is drawn. It may lie just past the last byte, to point at
        a byte that is missing.
    notes: offsets and what they are; each gets a line of - under its bytes and its text beside it.
    start: the offset of data[0]; mark and notes count from the same zero.
    """
    end = start + len(data)
    if mark is not None and mark.start >= end:
        end = max(end, mark.start + 1)
    lines = [] if end > start else ["(no bytes)"]
    for row in range(start, end, 16):
        here = data[row - start : row - start + 16]
        cells = [f"{byte:02x}" for byte in here] + ["  "] * (16 - len(here))
        printable = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in here)
        lines.append(f"{row:08x}  {' '.join(cells[:8])}  {' '.join(cells[8:])}  |{printable}|")
        if mark is not None and (under := _under(mark, row, end, "^")):
            flags = "".join("^" if at in mark else " " for at in range(row, row + 16))
            lines.append(f"{'':10}{under:<48}   {flags}".rstrip())
        for span, text in (notes or {}).items():
            if under := _under(span, row, end, "-"):
                words = text if span.start >= row or row == start else f"{text}, continued"
                lines.append(f"{'':10}{under:<48}   {words}".rstrip())
    return "\n".join(lines)


def _under(span: range, row: int, end: int, sign: str) -> str:
    """A line that underlines the bytes of one row of 16 that lie in the span."""
    cells = [sign * 2 if at in span and at < end else "  " for at in range(row, row + 16)]
    return f"{' '.join(cells[:8])}  {' '.join(cells[8:])}".rstrip()


def _grouped(events: Sequence[Event], *, join: bool) -> list[list[Event]]:
    """The events one by one, or with neighbours of one stream together."""
    groups: list[list[Event]] = []
    for event in events:
        last = groups[-1][-1] if groups else None
        if (
            join
            and last is not None
            and event.kind in ("sent", "received")
            and (last.where, last.connection, last.direction, last.kind, last.note)
            == (event.where, event.connection, event.direction, event.kind, event.note)
            and (
                last.offset + len(last.data) == event.offset
                or not (last.data or event.data)  # a full trace has kept neither
            )
        ):
            groups[-1].append(event)
        else:
            groups.append([event])
    return groups


def _several(events: Sequence[Event]) -> bool:
    """Whether there is more than one connection, so that each line must say which."""
    return len({event.connection for event in events} - {0}) > 1


def _verb(event: Event) -> str:
    return event.moved or event.kind


def _incoming(event: Event) -> bool:
    """Whether a recorder between the ends saw this on the side where the bytes come in."""
    return event.moved != "sent" if event.moved else not event.note.startswith("sent")


def _said(group: list[Event], room: int, numbered: bool = True) -> str:
    """What a line says after the verb: how many bytes, which, and the note; the number of a
    datagram if it is asked for."""
    first = group[0]
    parts = []
    data = b"".join(event.data for event in group)
    if data:
        parts.append(plural(len(data), "byte"))
        if len(group) > 1:
            parts.append(f"in {len(group)} {'sends' if first.moved == 'sent' else 'reads'}")
        if shown := _short(data, room):
            parts.append(shown)
    note = first.note
    if first.kind == "datagram":
        if numbered:
            parts.insert(0, f"datagram {first.offset}")
        else:
            parts.insert(0, "datagram of" if data else "empty datagram")
        note = note.removeprefix(first.moved).lstrip(", ")
    if note and not data and len(group) > 1:
        note = f"{len(group)} x {note}"
    if note:
        parts.append(f"({note})" if parts else note)
    return " ".join(parts)


def _label(group: list[Event], room: int, numbered: bool) -> str:
    """The words on one rung of a ladder, at most `room` characters where data is the reason."""
    first = group[0]
    if first.kind == "eof":
        return f"EOF ({first.note})" if first.note else "EOF"
    if first.kind == "reset":
        return "RST"
    if not first.moved:
        return " ".join([first.kind, *([first.note] if first.note else [])])
    words = _said(group, 0, numbered)
    data = b"".join(event.data for event in group)
    if data and room > len(words):
        words = _said(group, max(0, room - len(words)), numbered)
    return words


def _arrow(label: str, width: int, rightward: bool, kind: str) -> str:
    head = "X" if kind == "reset" else (">" if rightward else "<")
    body = (
        f"-- {label} ".ljust(width - 1, "-") if rightward else f" {label} --".rjust(width - 1, "-")
    )
    return body + head if rightward else head + body


def _short(data: bytes, room: int) -> str:
    """The bytes as Python writes them, cut so that about `room` characters remain."""
    whole = repr(data)
    if len(whole) <= room:
        return whole
    shown = data[: max(0, room - 6)]
    while shown and len(repr(shown)) > room - 3:
        shown = shown[:-1]
    return f"{shown!r}..." if shown else ""


def plural(number: int, thing: str) -> str:
    """A number with its thing, in the plural where it is not one."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
