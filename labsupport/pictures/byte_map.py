"""The byte map: an HTTP exchange as its bytes, coloured by what each of them is.

A line of a message is a row, as its CR LF ends it; a body goes on for as many rows as it takes, and
where it is long only its beginning and its end are drawn. What a row consists of stands beside it
in words, in the order of its bytes.

`byte_map` draws both directions of a connection, from what was recorded. `readings` draws the same
bytes as often as there are programs that read them differently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from labsupport.http1 import Part, parts
from labsupport.pictures import style
from labsupport.pictures.picture import Picture
from labsupport.trace import Direction, Trace

__all__ = ["byte_map", "readings"]

_COLUMNS = 52  # bytes in a row
_CELL, _TALL = 0.104, 0.24  # inches
_LEFT = 0.58  # inches: the offset of a row's first byte stands before it
_WORDS = _LEFT + _COLUMNS * _CELL + 0.12  # inches: where the words of a row begin
_HEAD, _LEGEND = 0.34, 0.26  # inches: the line above a stream, a line of the legend
_MOST = 60  # rows
_KEPT = 2  # rows of a long body before the gap; one follows it

_CAPTION = "A row for each line; a colour for what a byte is. ← is CR, ↓ is LF."

_COLOURS = {
    "method": style.BLUE,
    "target": style.SKY,
    "version": style.LIGHT,
    "status": style.BLUE,
    "reason": style.SKY,
    "name": style.GREEN,
    "value": style.YELLOW,
    "blank line": style.BLACK,
    "chunk size": style.PURPLE,
    "chunk extension": style.LIGHT,
    "body": style.ORANGE,
    "separator": "white",
    "not understood": style.VERMILLION,
}


class _Stream(NamedTuple):
    title: str
    data: bytes
    parts: list[Part]


class _Row(NamedTuple):
    start: int
    stop: int
    parts: list[Part]  # cut at the row's ends; of a gap, what most of it is
    skipped: int = 0  # bytes of a gap: they are not drawn


def byte_map(
    trace: Trace,
    *,
    finding: str,
    connection: int | None = None,
    alt: str | None = None,
) -> Picture:
    """What a client and a server sent each other on one connection, as HTTP/1.1 (labsupport.http1).

    connection: its number; may be left out when the trace has only one.
    alt: the picture in words, in place of those made from the bytes.

    Raises ValueError when there is nothing to draw or too much, when the trace has several
    connections and none is named, and when it was too full to keep its data.
    """
    if trace.dropped:
        raise ValueError(
            f"the trace is incomplete: {trace.dropped:,} bytes were not kept. Make it with a "
            "larger max_bytes, or send less."
        )
    numbers = sorted({each.connection for each in trace.events if each.data})
    if connection is None and len(numbers) > 1:
        raise ValueError(
            f"the trace has {len(numbers)} connections ({style.some(numbers)}); say which one is "
            f"meant: connection={numbers[0]}"
        )
    number = connection if connection is not None else (numbers or [0])[0]
    asked = _carried(trace, number, "to_server")
    answered = _carried(trace, number, "to_client")
    requests = parts(asked)
    methods = [asked[each.start : each.stop] for each in requests if each.kind == "method"]
    streams = [
        _Stream("client to server", asked, requests),
        _Stream("server to client", answered, parts(answered, responses=True, methods=methods)),
    ]
    return _drawn([each for each in streams if each.data], finding, alt)


def readings(
    data: bytes, found: Mapping[str, Sequence[Part]], *, finding: str, alt: str | None = None
) -> Picture:
    """The same bytes, once for each program that reads them: its name and the parts it sees.

    Raises ValueError when there is nothing to draw or too much, and when the parts of a reading are
    not all of the bytes.
    """
    streams = []
    for name, seen in found.items():
        edges = [0, *(each.stop for each in seen)]
        if edges[:-1] != [each.start for each in seen] or edges[-1] != len(data):
            raise ValueError(f"the parts of {name!r} are not each byte of {len(data):,} once")
        streams.append(_Stream(name, data, list(seen)))
    return _drawn(streams, finding, alt)


def _carried(trace: Trace, connection: int, way: Direction) -> bytes:
    """The bytes of a direction, as the first recorder saw them that has any."""
    events = [
        each
        for each in trace.events
        if each.connection == connection and each.direction == way and each.moved and each.data
    ]
    first = [
        each for each in events if (each.where, each.kind) == (events[0].where, events[0].kind)
    ]
    return b"".join(each.data for each in sorted(first, key=lambda each: each.offset))


# ---- rows ----


def _rows(stream: _Stream) -> list[_Row]:
    """The lines of the heads and the pieces of the bodies."""
    rows: list[_Row] = []
    line: list[Part] = []
    for part in stream.parts:
        line.append(part)
        ends = stream.data[part.stop - 1 : part.stop] == b"\n" and part.kind != "body"
        if ends or part.kind == "body":
            rows += _wrapped(line)
            line = []
    return rows + _wrapped(line)


def _wrapped(line: list[Part]) -> list[_Row]:
    """A line, on as many rows as it needs."""
    if not line:
        return []
    first, last = line[0].start, line[-1].stop
    starts = list(range(first, last, _COLUMNS))
    rows = []
    for start in starts:
        stop = min(start + _COLUMNS, last)
        inside = [
            part._replace(start=max(part.start, start), stop=min(part.stop, stop))
            for part in line
            if part.start < stop and part.stop > start
        ]
        rows.append(_Row(start, stop, inside))
    if len(rows) <= _KEPT + 2:
        return rows
    start, stop = rows[_KEPT].start, rows[-1].start
    longest = max(line, key=lambda part: part.stop - part.start)
    return [*rows[:_KEPT], _Row(start, stop, [longest], stop - start), rows[-1]]


# ---- the picture ----


def _drawn(streams: list[_Stream], finding: str, alt: str | None) -> Picture:
    finding = style.sentence(finding)
    if not streams or not any(each.data for each in streams):
        raise ValueError("no bytes travelled on this connection, so there is nothing to draw")
    rows = [_rows(each) for each in streams]
    total = sum(map(len, rows))
    if total > _MOST:
        raise ValueError(
            f"this takes {total} rows, and {_MOST} can be read: draw a shorter exchange"
        )
    kinds = list(dict.fromkeys(part.kind for each in streams for part in each.parts))
    legend = _legend(kinds)
    height = total * _TALL + len(streams) * _HEAD + len(legend) * _LEGEND + 0.12
    figure, axes = style.paper(height, finding, _CAPTION)
    y = height
    for stream, its in zip(streams, rows, strict=True):
        y -= _HEAD
        axes.text(
            0.1, y + 0.08, f"{stream.title}: {style.count(len(stream.data), 'byte')}",
            fontsize=style.TEXT, fontweight="bold", color=style.BLACK, parse_math=False,
        )  # fmt: skip
        for row in its:
            y -= _TALL
            _draw_row(axes, stream, row, y)
    for number, line in enumerate(legend):
        _draw_legend(axes, line, y - 0.08 - (number + 1) * _LEGEND + 0.06)
    data = {
        "streams": {
            each.title: [(part.start, part.stop, part.kind, part.message) for part in each.parts]
            for each in streams
        },
        "rows": {
            each.title: [(row.start, row.stop, row.skipped) for row in its]
            for each, its in zip(streams, rows, strict=True)
        },
    }
    return Picture(figure, finding, alt or _in_words(streams), data)


def _draw_row(axes: Axes, stream: _Stream, row: _Row, y: float) -> None:
    axes.text(
        _LEFT - 0.08, y + _TALL / 2, f"{row.start:,}", fontsize=style.TEXT - 2.5, ha="right",
        va="center", color=style.GREY,
    )  # fmt: skip
    if row.skipped:
        kind = row.parts[0].kind
        axes.text(
            _LEFT, y + _TALL / 2, f"… {style.count(row.skipped, 'more byte')} of {kind} …",
            fontsize=style.TEXT - 1, va="center", color=style.GREY,
        )  # fmt: skip
        return
    for part in row.parts:
        left = _LEFT + (part.start - row.start) * _CELL
        wide = (part.stop - part.start) * _CELL
        axes.add_patch(
            Rectangle(
                (left, y + 0.015), wide, _TALL - 0.03, facecolor=_colour(part.kind),
                edgecolor=style.GREY, linewidth=0.5, zorder=2,
            )
        )  # fmt: skip
        for at in range(part.start, part.stop):
            _draw_byte(axes, stream.data[at], _LEFT + (at - row.start + 0.5) * _CELL, y, part.kind)
    words = dict.fromkeys(part.kind for part in row.parts if part.kind != "separator")
    axes.text(
        _WORDS, y + _TALL / 2, style.fitted(", ".join(words), style.TEXT - 1.5, 8 - _WORDS - 0.05),
        fontsize=style.TEXT - 1.5, va="center", color=style.BLACK,
    )  # fmt: skip


def _draw_byte(axes: Axes, byte: int, x: float, y: float, kind: str) -> None:
    shown = {9: "⇥", 10: "↓", 13: "←", 32: " "}.get(byte, chr(byte))
    plain = 32 <= byte < 127 or byte in (9, 10, 13)
    axes.text(
        x, y + _TALL / 2 - 0.005, shown if plain else "·", family="DejaVu Sans Mono",
        fontsize=style.TEXT - 1.5, ha="center", va="center", zorder=3, parse_math=False,
        color="white" if kind == "blank line" else style.BLACK if byte >= 32 else style.GREY,
    )  # fmt: skip


def _colour(kind: str) -> str:
    colour = _COLOURS[kind]
    return colour if colour in ("white", style.BLACK, style.LIGHT) else style.tint(colour)


def _legend(kinds: Sequence[str]) -> list[list[tuple[float, str, str]]]:
    """Lines of (x, colour, the kinds that have it)."""
    named: dict[str, list[str]] = {}
    for kind in kinds:
        named.setdefault(_colour(kind), []).append(kind)
    lines: list[list[tuple[float, str, str]]] = [[]]
    x = _LEFT
    for colour, its in named.items():
        words = " or ".join(its)
        wide = 0.26 + style.width(words, style.TEXT - 1.5) + 0.22
        if x + wide > style.WIDTH:
            lines.append([])
            x = _LEFT
        lines[-1].append((x, colour, words))
        x += wide
    return lines


def _draw_legend(axes: Axes, line: Sequence[tuple[float, str, str]], y: float) -> None:
    for x, colour, words in line:
        axes.add_patch(
            Rectangle((x, y), 0.18, 0.14, facecolor=colour, edgecolor=style.GREY, linewidth=0.5)
        )
        axes.text(
            x + 0.26, y + 0.07, words, fontsize=style.TEXT - 1.5, va="center", color=style.BLACK
        )


# ---- in words ----


def _in_words(streams: Sequence[_Stream]) -> str:
    said = ["Byte map."]
    for stream in streams:
        said.append(f"{stream.title}, {style.count(len(stream.data), 'byte')}:")
        numbers = dict.fromkeys(part.message for part in stream.parts)
        each = [_message(stream, number) for number in numbers]
        said.append("; then ".join(filter(None, each)) + ".")
    return " ".join(said)


def _message(stream: _Stream, number: int) -> str:
    """One message in words: "GET /a, 2 fields, a blank line, a body of 5 bytes"."""
    own = [part for part in stream.parts if part.message == number]

    def of(kind: str) -> list[bytes]:
        return [stream.data[part.start : part.stop] for part in own if part.kind == kind]

    words = of("method") + of("target") or of("status") + of("reason")
    said = [" ".join(word.decode("latin-1") for word in words)] if words else []
    if fields := len(of("name")):
        said.append(style.count(fields, "field"))
    if blanks := len(of("blank line")):
        said.append("a blank line" if blanks == 1 else f"{blanks} blank lines")
    elif words:
        said.append("no blank line")
    if chunks := len(of("chunk size")):
        said.append(style.count(chunks, "chunk"))
    if body := sum(map(len, of("body"))):
        said.append(f"a body of {style.count(body, 'byte')}")
    if strange := sum(map(len, of("not understood"))):
        said.append(f"{style.count(strange, 'byte')} not understood")
    return ", ".join(said)
