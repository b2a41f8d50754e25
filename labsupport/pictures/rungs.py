"""The rungs of a ladder: what each row says, and which row took what another one gave.

Streams are matched by offset, datagrams by content, the end of a stream by its direction. Where a
datagram did not come but its beginning did, that was it: too small a read cuts it (udp(7)). A reset
answers a close with unread data, so it ends the arrow of that close (RFC 9293, section 3.6.1, and
RFC 2525, section 2.17).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from labsupport.pictures import style
from labsupport.trace import Event, Trace

__all__ = ["Rung", "columns_of", "in_words", "match", "onward", "plain", "rungs_of", "words_of"]

_ACCOUNTS, _RUNS = 3, 12  # connections, and runs of events, that are told in words


@dataclass(slots=True)
class Rung:
    """One event, or neighbours of one stream that are drawn as one."""

    event: Event
    column: int
    outgoing: bool
    size: int
    data: bytes
    events: int = 1
    ends: list[int] = field(default_factory=list)  # the rows where its arrows end
    taken: bool = False  # an arrow ends here
    silent: bool = False  # it tells the other side nothing, or nothing new
    whole: int = 0  # the size of the datagram of which a read took only the beginning

    @property
    def stop(self) -> int:
        return self.event.offset + self.size


def columns_of(events: Sequence[Event], client: str, server: str) -> list[str]:
    """The recorders from left to right: the ends outside, others between them as they appear."""
    names = dict.fromkeys(each.where for each in events)
    return [client, *(each for each in names if each not in (client, server)), server]


def rungs_of(events: Sequence[Event], columns: list[str], join: bool) -> list[Rung]:
    """A rung for each event; with ``join`` neighbours of one stream share one."""
    rows: list[Rung] = []
    for event in events:
        last = rows[-1] if rows else None
        size = len(event.data)
        if join and last is not None and _continues(last, event):
            last.events += 1
            last.size += size
            if len(last.data) < 100:  # what can be shown of it
                last.data += event.data
            continue
        column = columns.index(event.where)
        rows.append(Rung(event, column, _gives(event, column, columns), size, event.data))
    return rows


def _continues(row: Rung, event: Event) -> bool:
    first = row.event
    return (
        event.kind in ("sent", "received")
        and (first.where, first.kind, first.connection, first.direction, first.note)
        == (event.where, event.kind, event.connection, event.direction, event.note)
        and row.stop == event.offset
    )


def _gives(event: Event, column: int, columns: list[str]) -> bool:
    """Whether the recorder gave something to the network here, and did not take it from there."""
    if event.moved:
        return event.moved == "sent"
    if column == 0:
        return event.direction == "to_server"
    if column == len(columns) - 1:
        return event.direction == "to_client"
    return event.note.startswith("sent")


_Flow = tuple[int, str | None, int, str]  # column, direction, connection, what


def match(rows: list[Rung], columns: list[str], recorded: set[str]) -> None:
    """Find for each row that gives the rows that took from it."""
    takers: dict[_Flow, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        if not row.outgoing:
            what = "end" if row.event.kind in ("eof", "reset") else row.event.kind
            takers[row.column, row.event.direction, row.event.connection, what].append(number)
    ended: set[_Flow] = set()
    cut: list[tuple[int, list[int]]] = []
    for number, row in enumerate(rows):
        event = row.event
        over = event.kind in ("eof", "close", "reset")
        here = (row.column, event.direction, event.connection, "end")
        if not row.outgoing or not (event.moved or over) or (over and here in ended):
            row.silent = not event.moved and not (over and not row.outgoing)
            continue
        if over:
            ended.add(here)
        there = onward(row, columns, recorded)
        if there is None:
            continue
        what = "end" if over else "received" if event.kind == "sent" else event.kind
        flow = takers[there, event.direction, event.connection, what]
        if event.kind == "sent":
            first = bisect_right(flow, event.offset, key=lambda taker: rows[taker].stop)
            found = [each for each in flow[first:] if rows[each].event.offset < row.stop]
        elif event.kind == "datagram":
            found = [
                each
                for each in flow
                if each > number and not rows[each].taken and rows[each].data == row.data
            ][:1]
            if not found:
                cut.append((number, flow))
        else:
            found = [each for each in flow if not rows[each].taken][:1]
        for each in found:
            rows[each].taken = True
        row.ends = found
    for number, flow in cut:
        row = rows[number]
        row.ends = [
            each
            for each in flow
            if each > number
            and not rows[each].taken
            and rows[each].data
            and row.data.startswith(rows[each].data)
        ][:1]
        for each in row.ends:
            rows[each].taken, rows[each].whole = True, row.size


def onward(row: Rung, columns: list[str], recorded: set[str]) -> int | None:
    """The recorded column to which a row's bytes go; None where nobody recorded."""
    if row.event.direction is None:
        return None
    step = 1 if row.event.direction == "to_server" else -1
    if not row.outgoing:
        step = -step
    column = row.column + step
    return column if 0 <= column < len(columns) and columns[column] in recorded else None


def words_of(row: Rung) -> str:
    """What happened, in a few words, without the bytes."""
    event = row.event
    note = " ".join(event.note.split())
    if event.kind in ("datagram", "eof", "reset"):
        note = note.removeprefix("sent" if row.outgoing else "received").lstrip(",: ")
    if event.kind == "datagram":
        words = f"{'sent' if row.outgoing else 'got'} datagram, {style.bytes_said(row.size)}"
        if row.whole:
            words += f" of {style.bytes_said(row.whole)}"
    elif event.moved:
        verb = "sent" if row.outgoing else "read"
        words = f"{verb} {style.bytes_said(row.size)}"
        if row.events > 1:
            words += f" in {row.events} {'sends' if row.outgoing else 'reads'}"
    elif event.kind == "eof":
        words = "ends its sending (FIN)" if row.outgoing else "reads the end (EOF)"
    elif event.kind == "reset":
        words = "resets (RST)" if row.outgoing else "reset (RST)"
    elif event.kind == "state":
        return note or "state"
    else:
        words = event.kind
    return f"{words}: {note}" if note else words


def plain(row: Rung) -> dict[str, Any]:
    """The rung as plain data, without the bytes."""
    event = row.event
    return {
        "where": event.where,
        "kind": event.kind,
        "direction": event.direction,
        "connection": event.connection,
        "offset": event.offset,
        "size": row.size,
        "events": row.events,
        "said": words_of(row),
    }


def in_words(rows: list[Rung], columns: list[str], trace: Trace) -> str:
    """Each recorder's own account, which is the same whenever it saw the same.

    An end tells what it did in its own order. What stands between the ends sees both directions at
    once and in pieces that the kernel made, so of it only sums and faults are told.
    """
    said = [f"Ladder between {style.joined(columns)}."]
    connections = sorted({row.event.connection for row in rows if row.event.connection}) or [0]
    for connection in connections[:_ACCOUNTS]:
        for number, name in enumerate(columns):
            mine = [
                row
                for row in rows
                if row.column == number and row.event.connection in (connection, 0)
            ]
            which = f"{name}, connection {connection}" if len(connections) > 1 else name
            told = _account(mine) if number in (0, len(columns) - 1) else _sums(mine)
            if told:
                said.append(f"{which[0].upper()}{which[1:]}: {told}.")
    if len(connections) > _ACCOUNTS:
        said.append(
            f"{style.count(len(connections) - _ACCOUNTS, 'more connection')} not described."
        )
    if trace.dropped_events or trace.dropped:
        said.append("The trace was full, so something is missing.")
    return " ".join(said)


def _sums(rows: list[Rung]) -> str:
    told = []
    for direction in ("to_server", "to_client"):
        mine = [row for row in rows if row.event.direction == direction]
        whither = direction.replace("_", " ")
        if sent := sum(row.size for row in mine if row.outgoing):
            told.append(f"passed {style.count(sent, 'byte')} on {whither}")
        told += [
            f"{words_of(row)}, {whither}"
            for row in mine
            if row.event.kind in ("fault", "error") or (row.event.kind == "reset" and row.outgoing)
        ]
    return _list(told)


def _account(rows: list[Rung]) -> str:
    """What one recorder saw, runs of one kind together; a long story is cut."""
    runs: list[list[Rung]] = []
    for row in rows:
        first = runs[-1][0].event if runs else None
        if (
            first is not None
            and row.event.moved
            and (first.kind, first.direction) == (row.event.kind, row.event.direction)
        ):
            runs[-1].append(row)
        else:
            runs.append([row])
    return _list([_told(run) for run in runs])


def _list(told: list[str]) -> str:
    """The parts of an account; a long one is cut."""
    if len(told) > _RUNS:
        told = [*told[:_RUNS], f"and {len(told) - _RUNS} more"]
    return "; ".join(told)


def _told(run: list[Rung]) -> str:
    row = run[0]
    if not row.event.moved:
        return words_of(row)
    verb = "sent" if row.outgoing else "read"
    thing = "datagram" if row.event.kind == "datagram" else "send" if row.outgoing else "read"
    many = sum(each.events for each in run)
    total = style.count(sum(each.size for each in run), "byte")
    return f"{verb} {total} in {style.count(many, thing)}"
