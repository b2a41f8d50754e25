"""What was seen on a connection, in order: events, and the ways to read them.

A `Trace` is a list of `Event`s to which recorders add: a recording socket at the client, one at the
server, a `Link` between them. Each event says who recorded it (`where`), on which connection, in
which direction the bytes travel, and at which offset of that direction's stream they begin. So the
sender's sends and the receiver's reads of the same bytes can be laid beside each other: equal
offsets are equal bytes.

Several threads may add at once, and a reader gets a snapshot. Memory is bounded twice: `max_bytes`
of data and `max_events` events. Beyond the first an event is kept without its data, beyond the
second it is not kept; both are counted and said (`dropped`, `dropped_events`).

Times are seconds since the trace began. They differ from run to run, so the text forms leave them
out unless asked. Events are kept in the order of their times. A recorder dates what it gives to the
network before the call and what it gets after the call, so that no byte is received before it was
sent, whichever thread adds first.
"""

from __future__ import annotations

import base64
import html
import json
import os
import threading
import time
from bisect import bisect_right, insort
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Literal

from labsupport.clock import Deadline, now
from labsupport.transcript import hexdump, ladder, plural, transcript

__all__ = ["Direction", "Event", "Trace", "hexdump"]

Direction = Literal["to_server", "to_client"]

KINDS = (
    "open",
    "sent",
    "received",
    "datagram",
    "eof",
    "reset",
    "close",
    "timeout",
    "error",
    "fault",
    "state",
)

_SHOWN_LINES = 40


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that one recorder saw.

    at: seconds since the trace began.
    where: who recorded it: "client", "server", "link", or another name.
    connection: 1, 2, ... in order of opening; 0 when it is not known.
    direction: which way the bytes travel; None when the event has no direction.
    kind: one of "open" "sent" "received" "datagram" "eof" "reset" "close" "timeout" "error"
        "fault" "state".
    data: the bytes.
    offset: of data[0] in its direction's byte stream, from 0; for a datagram, its number from 0.
    note: what else is to be said. For a datagram it begins with "sent" or "received".
    """

    at: float
    where: str
    connection: int
    direction: Direction | None
    kind: str
    data: bytes = b""
    offset: int = 0
    note: str = ""

    @property
    def moved(self) -> str:
        """What the recorder did with data: "sent", "received", or "" for an event without any."""
        if self.kind == "datagram":
            return "sent" if self.note.startswith("sent") else "received"
        return self.kind if self.kind in ("sent", "received") else ""


class Trace:
    """Events in the order of their times; any number of threads may add.

    max_bytes: how much data is kept, in bytes. Later data is dropped and counted in `dropped`.
    max_events: how many events are kept. Later events are dropped and counted in `dropped_events`.
    """

    def __init__(self, *, max_bytes: int = 64 * 1024 * 1024, max_events: int = 250_000) -> None:
        self.max_bytes = max_bytes
        self.max_events = max_events
        self.began = time.time()  # wall clock, only for to_pcap
        self.dropped = 0
        self.dropped_events = 0
        self._zero = now()
        self._kept = 0
        self._numbers: dict[str, int] = {}
        self._events: list[Event] = []
        self._changed = threading.Condition()

    def add(
        self,
        where: str,
        kind: str,
        *,
        connection: int = 1,
        direction: Direction | None = None,
        data: bytes = b"",
        offset: int = 0,
        note: str = "",
        at: float | None = None,
    ) -> Event:
        """Add an event and return it.

        at: when it happened, as `moment` gave it; without it, now.

        An event whose data no longer fits is kept without it, and its note says how many bytes
        are missing. Raises ValueError for an unknown kind.
        """
        if kind not in KINDS:
            raise ValueError(f"an event's kind is one of {', '.join(KINDS)}; got {kind!r}")
        data = bytes(data)
        with self._changed:
            if self._kept + len(data) > self.max_bytes:
                missing = f"{plural(len(data), 'byte')} not kept"
                note = f"{note}, {missing}" if note else missing
                self.dropped += len(data)
                data = b""
            when = self.moment() if at is None else at
            event = Event(when, where, connection, direction, kind, data, offset, note)
            if len(self._events) >= self.max_events:
                self.dropped += len(data)
                self.dropped_events += 1
            else:
                self._kept += len(data)
                if self._events and when < self._events[-1].at:
                    insort(self._events, event, key=lambda each: each.at)
                else:
                    self._events.append(event)
                self._changed.notify_all()
        return event

    def indivisible(self) -> AbstractContextManager[object]:
        """A context in which nobody else adds or reads.

        A recorder sends and adds the event within it. So whoever has got the bytes, or the end of
        the stream, finds the event in the trace. What is done within it must not wait.
        """
        return self._changed

    def moment(self) -> float:
        """Seconds since the trace began."""
        return now() - self._zero

    def next_connection(self, where: str) -> int:
        """The number of the connection that this recorder opens now: 1, 2, ... for each `where`.

        Connections that are opened one after the other get equal numbers at both ends.
        """
        with self._changed:
            self._numbers[where] = number = self._numbers.get(where, 0) + 1
        return number

    @property
    def events(self) -> tuple[Event, ...]:
        """All events so far."""
        with self._changed:
            return tuple(self._events)

    def __len__(self) -> int:
        return len(self._events)

    def select(
        self,
        *,
        where: str | None = None,
        kind: str | None = None,
        direction: Direction | None = None,
        connection: int | None = None,
    ) -> tuple[Event, ...]:
        """The events that agree with everything that is given."""
        return tuple(
            event
            for event in self.events
            if (where is None or event.where == where)
            and (kind is None or event.kind == kind)
            and (direction is None or event.direction == direction)
            and (connection is None or event.connection == connection)
        )

    def wait(
        self,
        kind: str,
        *,
        where: str | None = None,
        direction: Direction | None = None,
        connection: int | None = None,
        count: int = 1,
        deadline: Deadline | float = 2.0,
    ) -> tuple[Event, ...]:
        """Wait until `count` events agree with what is given, and return them.

        deadline: a Deadline, or seconds from now. Raises TimeoutError with the transcript so far.
        """
        until = deadline if isinstance(deadline, Deadline) else Deadline(deadline)
        with self._changed:  # a Condition's lock is reentrant, so select() may take it again
            while True:
                found = self.select(
                    where=where, kind=kind, direction=direction, connection=connection
                )
                if len(found) >= count:
                    return found
                if until.expired:
                    break
                self._changed.wait(until.left())
        raise TimeoutError(
            f"{plural(len(found), f'{kind!r} event')} of {count} came within {until.seconds:g} s. "
            f"So far:\n{self!r}"
        )

    def find(self, needle: bytes) -> tuple[Event, ...]:
        """The events that hold some part of an occurrence of `needle`, in order.

        The needle may begin in one event and end in a later one, if both lie in one stream (same
        recorder, connection, direction, and both sent or both received) and no byte is missing
        between them. It never spans datagrams. Raises ValueError for an empty needle.
        """
        if not needle:
            raise ValueError("nothing to look for: the needle is empty")
        events = self.events
        hits: set[int] = set()
        for run in _runs(events):
            starts, total = [], 0
            for number in run:
                starts.append(total)
                total += len(events[number].data)
            joined = b"".join(events[number].data for number in run)
            at = joined.find(needle)
            while at >= 0:
                first = bisect_right(starts, at) - 1
                last = bisect_right(starts, at + len(needle) - 1) - 1
                hits.update(run[first : last + 1])
                at = joined.find(needle, at + 1)
        return tuple(events[number] for number in sorted(hits))

    def bytes(
        self,
        direction: Direction,
        *,
        where: str | None = None,
        connection: int | None = None,
        kind: str | None = None,
    ) -> bytes:
        """The bytes that travelled in a direction, joined.

        where: whose record; without it, the first recorder that saw data in this direction.
        connection: without it all connections, one after another in the order of their numbers.
        kind: "sent", "received" or "datagram"; without it, what that recorder did first. (A
            Link has received every byte before it sends it; a datagram is taken as received.)
        """
        moving = [
            event
            for event in self.select(direction=direction, connection=connection)
            if event.moved and (where is None or event.where == where)
        ]
        moving = [event for event in moving if event.where == moving[0].where]
        if kind is None:
            moving = [event for event in moving if event.moved == moving[0].moved]
        else:
            moving = [event for event in moving if kind in (event.kind, event.moved)]
        moving.sort(key=lambda event: event.connection)  # stable: keeps the order within each
        return b"".join(event.data for event in moving)

    def transcript(self, *, times: bool = False, join: bool = False) -> str:
        """One line for each event.

        times: begin each line with milliseconds since the trace began.
        join: show neighbours of one stream as one line that says how many there were.
        """
        return "\n".join([*transcript(self.events, times=times, join=join), *self._losses()])

    def ladder_text(
        self, client: str = "client", server: str = "server", *, join: bool = True
    ) -> str:
        """A ladder in plain characters, time downwards, without times.

        client, server: the headings of the two ends, and the names (`where`) of their recorders.
        join: show neighbours of one stream as one arrow that says how many there were.

        With one recorder at one end an arrow spans the whole width, since it cannot know when the
        bytes arrived. With recorders at both ends, or a Link, each recorder has its own half: a
        left half belongs to the client's side, a right half to the server's.
        """
        lines = ladder(self.events, client, server, join=join)
        return "\n".join([*lines, *self._losses()])

    def to_json(self) -> str:
        """The trace as JSON text; data in base64. `from_json` reads it back."""
        rows = [
            asdict(event) | {"data": base64.b64encode(event.data).decode("ascii")}
            for event in self.events
        ]
        whole = {
            "format": "labsupport trace 1",
            "began": self.began,
            "dropped": self.dropped,
            "dropped_events": self.dropped_events,
            "events": rows,
        }
        return json.dumps(whole, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Trace:
        """Read what `to_json` wrote. Raises ValueError when it is something else."""
        try:
            whole = json.loads(text)
            if whole["format"] != "labsupport trace 1":
                raise ValueError(f"its format is {whole['format']!r}")
            trace = cls()
            trace.began = float(whole["began"])
            trace.dropped = int(whole["dropped"])
            trace.dropped_events = int(whole["dropped_events"])
            for row in whole["events"]:
                row["data"] = base64.b64decode(row["data"], validate=True)
                trace._events.append(Event(**row))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"this is not a trace that Trace.to_json wrote ({error}); "
                "give the text of such a file"
            ) from error
        trace._kept = sum(len(event.data) for event in trace._events)
        return trace

    def to_pcap(self, path: str | os.PathLike[str], *, where: str | None = None) -> int:
        """Write the bytes as packets that Wireshark opens, and return how many.

        The packets are synthetic: a trace knows bytes and moments, not segments. One packet stands
        for one event, its addresses are from the documentation range 192.0.2.0/24 (RFC 5737), and
        there is no handshake. The file says so in its comment (pcapng format,
        draft-ietf-opsawg-pcapng).

        where: whose record; without it, the first recorder that saw data.
        """
        from labsupport.pcap import write

        return write(path, self.events, began=self.began, where=where)

    def __repr__(self) -> str:
        lines = self.transcript().splitlines()
        if len(lines) > _SHOWN_LINES:
            more = len(lines) - _SHOWN_LINES
            lines = [*lines[:_SHOWN_LINES], f"... and {plural(more, 'more line')}"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"

    def _losses(self) -> list[str]:
        lines = []
        if self.dropped:
            lines.append(
                f"({plural(self.dropped, 'byte')} not kept: "
                f"the trace is full at max_bytes={self.max_bytes})"
            )
        if self.dropped_events:
            lines.append(
                f"({plural(self.dropped_events, 'event')} not kept: "
                f"the trace is full at max_events={self.max_events})"
            )
        return lines


def _runs(events: tuple[Event, ...]) -> list[list[int]]:
    """The numbers of the events that hold consecutive bytes of one stream, run by run."""
    runs: list[list[int]] = []
    latest: dict[tuple[str, int, Direction | None, str], tuple[list[int], int]] = {}
    for number, event in enumerate(events):
        if not event.data:
            continue
        if event.kind == "datagram" or not event.moved:
            runs.append([number])
            continue
        key = (event.where, event.connection, event.direction, event.kind)
        run, end = latest.get(key, ([], -1))
        if end != event.offset:
            run = []
            runs.append(run)
        run.append(number)
        latest[key] = (run, event.offset + len(event.data))
    return runs
