"""The byte axis: what was sent and what was read, as blocks over the same bytes.

Each recorder is a row. A block is one call: it begins at its offset in the stream and is as wide as
its bytes. A line marks each cut between two blocks; it is solid where every row has the cut, dashed
where some row has not. So it is seen at a glance whether the cuts of the sender are those of the
receiver, which on a stream they need not be (RFC 9293, section 3.8).

Parts of a message, such as a header and a body, can be drawn below the rows. They are what the
bytes mean to a program, which nothing on the wire says; a thick line ends each.

The rows of the two ends need recording sockets. A `Link` has rows of its own, because its reads and
writes are neither the sender's sends nor the receiver's reads.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle

from labsupport.pictures import style
from labsupport.pictures.picture import Picture
from labsupport.trace import Direction, Event, Trace

__all__ = ["byte_axis"]

_LEFT, _RIGHT = 1.62, 7.78  # inches: where byte 0 begins and where the last byte ends
_TALL, _GAP = 0.40, 0.46  # inches: a row, and what lies between two rows
_LETTERS = 44  # bytes that are shown one by one, at most
_LINES = 60  # cuts that get a line, at most
_PARTS = 0.30  # inches: the row of the parts


@dataclass(frozen=True, slots=True)
class _Row:
    where: str
    verb: str  # "sent" or "read"
    blocks: tuple[tuple[int, int], ...]  # (offset, size) of each call
    data: bytes
    light: str
    dark: str

    @property
    def name(self) -> str:
        return f"{self.where} {self.verb}"

    @property
    def calls(self) -> str:
        return style.count(len(self.blocks), "send" if self.verb == "sent" else "read")

    @property
    def end(self) -> int:
        return max((start + size for start, size in self.blocks), default=0)

    def cuts(self, total: int) -> list[int]:
        """The offsets where a call begins or ends, apart from those of the whole."""
        edges = {start for start, _ in self.blocks} | {start + size for start, size in self.blocks}
        return sorted(edges - {0, total})


def byte_axis(
    trace: Trace,
    *,
    finding: str,
    direction: Direction | None = None,
    connection: int | None = None,
    client: str = "client",
    server: str = "server",
    notes: Mapping[range, str] | None = None,
    alt: str | None = None,
) -> Picture:
    """The sender's sends and the receiver's reads of one direction over one axis of bytes.

    direction: without it, the one that has data; both having some, "to_server".
    connection: its number; may be left out when the trace has only one.
    client, server: the names (`where`) of the recorders at the two ends.
    notes: offsets and what they are, as in `hexdump`: a row of its own, for what the bytes mean.
    alt: the picture in words, instead of those made from the data; for a run whose number of reads
        differs from time to time.

    Raises ValueError when there is nothing to draw, when the trace has several connections and none
    is named, when a note is about bytes that there are not, and when the trace was too full to keep
    its data.
    """
    finding = style.sentence(finding)
    if trace.dropped:
        raise ValueError(
            f"the trace is incomplete: {trace.dropped:,} bytes were not kept. Make it with a "
            "larger max_bytes, or send less."
        )
    events = [each for each in trace.events if each.kind in ("sent", "received") and each.data]
    number = _the_connection(events, connection)
    events = [each for each in events if each.connection == number]
    way = direction or _the_direction(events)
    rows = _rows(
        trace.events, [each for each in events if each.direction == way], way, client, server
    )
    if not any(row.blocks for row in rows):
        raise ValueError(
            f"no bytes travelled {way.replace('_', ' the ')} on connection {number}, so there is "
            "nothing to draw. Record the sockets at the ends, and draw after the bytes were read."
        )
    return _drawn(rows, _parts(notes or {}, rows), finding, way, (client, server), alt)


def _the_connection(events: Sequence[Event], wanted: int | None) -> int:
    numbers = sorted({each.connection for each in events})
    if not numbers:
        raise ValueError(
            "the trace has no bytes that were sent or read, so there is nothing to draw"
        )
    if wanted is None and len(numbers) > 1:
        raise ValueError(
            f"the trace has {len(numbers)} connections ({style.some(numbers)}); say which one is "
            f"meant: connection={numbers[0]}"
        )
    if wanted is not None and wanted not in numbers:
        raise ValueError(
            f"connection {wanted} has no bytes in this trace; it has {style.some(numbers)}"
        )
    return numbers[0] if wanted is None else wanted


def _the_direction(events: Sequence[Event]) -> Direction:
    ways = {each.direction for each in events}
    return "to_server" if "to_server" in ways else "to_client"


def _rows(
    everything: Sequence[Event], events: Sequence[Event], way: Direction, client: str, server: str
) -> list[_Row]:
    """The rows from the sender down to the receiver; one that is recorded but empty is kept."""
    sender, receiver = (client, server) if way == "to_server" else (server, client)
    recorded = dict.fromkeys(each.where for each in everything)
    middles = [each for each in recorded if each not in (client, server)]
    wanted = [(sender, "sent")] if sender in recorded else []
    for middle in middles:
        wanted += [(middle, "sent")] if sender in recorded else [(middle, "read"), (middle, "sent")]
    wanted += [(receiver, "read")] if receiver in recorded else []
    rows = []
    for where, verb in wanted:
        kind = "sent" if verb == "sent" else "received"
        calls = [each for each in events if each.where == where and each.kind == kind]
        dark = style.BLUE if verb == "sent" else style.VERMILLION
        light = style.tint(style.SKY if verb == "sent" else style.ORANGE)
        if where in middles:
            light, dark = style.LIGHT, style.GREY
        blocks = tuple((each.offset, len(each.data)) for each in calls)
        if blocks or where not in middles:
            data = b"".join(each.data for each in calls)
            rows.append(_Row(where, verb, blocks, data, light, dark))
    return rows


def _parts(notes: Mapping[range, str], rows: list[_Row]) -> list[tuple[int, int, str]]:
    """(start, stop, text) of each note, in the order of the bytes."""
    total = max(row.end for row in rows)
    parts = sorted((span.start, span.stop, text) for span, text in notes.items())
    edges = [edge for start, stop, _ in parts for edge in (start, stop)]
    if (
        any(span.step != 1 or not span for span in notes)
        or edges != sorted(edges)
        or (edges and not 0 <= edges[0] <= edges[-1] <= total)
    ):
        raise ValueError(
            f"notes are ranges of bytes that do not overlap, from range(0, ...) to "
            f"range(..., {total}): {style.count(total, 'byte')} travelled; got {dict(notes)}"
        )
    return parts


def _drawn(
    rows: list[_Row],
    parts: list[tuple[int, int, str]],
    finding: str,
    way: Direction,
    ends: tuple[str, str],
    alt: str | None,
) -> Picture:
    total = max(row.end for row in rows)
    cuts_of = {row.name: row.cuts(total) for row in rows}
    cuts = sorted(set().union(*cuts_of.values()))
    kept = sorted(set.intersection(*map(set, cuts_of.values())))
    under = _GAP + _PARTS if parts else 0.0
    below = 0.78 + under
    height = below + len(rows) * _TALL + (len(rows) - 1) * _GAP + 0.34
    caption = "One block for each call, over the same bytes."
    if cuts and len(rows) > 1 and len(cuts) <= _LINES:
        caption += " Solid line: a cut in every row." if kept else ""
        caption += " Dashed: a row has no cut there." if len(cuts) > len(kept) else ""
    if parts:
        caption = caption.replace(", over the same bytes", "") + " Thick: a part ends."
    figure, axes = style.paper(height, finding, caption)
    scale = (_RIGHT - _LEFT) / total
    lows = [height - 0.34 - _TALL - number * (_TALL + _GAP) for number in range(len(rows))]
    axis = below - under - 0.22
    if len(cuts) <= _LINES:
        _draw_cuts(axes, cuts, kept, lows, below - _GAP if parts else axis, scale)
    _draw_parts(axes, parts, lows[-1], axis, scale)
    for row, low in zip(rows, lows, strict=True):
        _draw_row(axes, row, low, total, scale)
    _draw_axis(axes, axis, total, scale, f"byte of the stream, {_from_to(way, ends)}")
    unread = _unread(rows)
    data = {
        "direction": way,
        "total": total,
        "rows": {row.name: list(row.blocks) for row in rows},
        "cuts": cuts_of,
        "kept": kept,
        "unread": unread,
        "parts": parts,
    }
    return Picture(figure, finding, alt or _in_words(rows, parts, total, way, ends, unread), data)


def _draw_cuts(
    axes: Axes, cuts: list[int], kept: list[int], lows: list[float], bottom: float, scale: float
) -> None:
    """A line for each cut, down to the axis; a dashed one spares the rows that have no cut."""
    spans = [(low, bottom) for low in lows[-1:]]
    spans += [(upper, lower + _TALL) for upper, lower in pairwise(lows)]
    for cut in cuts:
        x = _LEFT + cut * scale
        if cut in kept:
            axes.plot((x, x), (lows[0] + _TALL, bottom), color=style.BLACK, linewidth=1.4, zorder=1)
        else:
            for high, low in spans:
                axes.plot(
                    (x, x), (high, low), color=style.BLACK, linewidth=1.0,
                    linestyle=(0, (3, 2)), zorder=1,
                )  # fmt: skip


def _draw_parts(
    axes: Axes, parts: list[tuple[int, int, str]], above: float, axis: float, scale: float
) -> None:
    """A row that says what the bytes are; a thick line ends each part, from the row above on."""
    low = above - _GAP - _PARTS
    for start, stop, text in parts:
        wide = (stop - start) * scale
        left = _LEFT + start * scale
        axes.add_patch(
            Rectangle(
                (left, low), wide, _PARTS, facecolor="white", edgecolor=style.GREY, linewidth=0.8,
                zorder=2,
            )
        )  # fmt: skip
        axes.text(
            left + wide / 2, low + _PARTS / 2, style.fitted(text, style.TEXT - 0.5, wide - 0.08),
            fontsize=style.TEXT - 0.5, ha="center", va="center", color=style.BLACK, zorder=4,
            parse_math=False,
        )  # fmt: skip
        for edge in (start, stop):
            x = _LEFT + edge * scale
            axes.plot((x, x), (above, axis), color=style.BLACK, linewidth=2.6, zorder=3)


def _draw_row(axes: Axes, row: _Row, low: float, total: int, scale: float) -> None:
    axes.text(
        0.1, low + _TALL * 0.72, row.name, fontsize=style.TEXT, fontweight="bold", va="center",
        color=style.BLACK, parse_math=False,
    )  # fmt: skip
    axes.text(
        0.1, low + _TALL * 0.24, row.calls, fontsize=style.TEXT - 1, va="center", color=style.GREY
    )
    if row.end < total:
        _draw_missing(axes, row, low, total, scale)
    shapes, edges = [], []
    for start, size in row.blocks:
        wide = size * scale
        inset = min(0.018, 0.15 * wide)
        shapes.append(Rectangle((_LEFT + start * scale + inset, low), wide - 2 * inset, _TALL))
        edges.append(1.4 if wide > 0.06 else 0.4)
    colours = [row.light if number % 2 == 0 else "white" for number in range(len(shapes))]
    axes.add_collection(
        PatchCollection(shapes, facecolors=colours, edgecolors=row.dark, linewidths=edges, zorder=2)
    )
    if total <= _LETTERS:
        for position, byte in zip(_positions(row), row.data, strict=True):
            _draw_byte(axes, _LEFT + (position + 0.5) * scale, low + _TALL / 2, byte)
    _draw_sizes(axes, row, low, total, scale)


def _draw_sizes(axes: Axes, row: _Row, low: float, total: int, scale: float) -> None:
    """The size of each block: above it when its bytes are shown, in it otherwise; if it fits."""
    above = total <= _LETTERS
    sizes = [style.bytes_said(size) for _, size in row.blocks]
    for (start, size), said in zip(row.blocks, sizes, strict=True):
        if size * scale > 0.2 and style.width(said, style.TEXT - 1.5) + 0.08 <= size * scale:
            axes.text(
                _LEFT + (start + size / 2) * scale,
                low + _TALL + 0.05 if above else low + _TALL / 2,
                said,
                fontsize=style.TEXT - 1.5,
                ha="center",
                va="bottom" if above else "center",
                color=style.BLACK,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8} if above else None,
                zorder=3,
            )


def _draw_missing(axes: Axes, row: _Row, low: float, total: int, scale: float) -> None:
    """An outline where bytes were sent and this row has none."""
    missing = total - row.end
    left = _LEFT + row.end * scale
    axes.add_patch(
        Rectangle(
            (left, low), missing * scale, _TALL, facecolor="white", edgecolor=style.GREY,
            hatch="....", linewidth=0.8, linestyle=(0, (4, 3)), zorder=1.5,
        )
    )  # fmt: skip
    said = f"not {row.verb}: {style.bytes_said(missing)}"
    if style.width(said, style.TEXT - 1) + 0.1 <= missing * scale:
        axes.text(
            left + missing * scale / 2, low + _TALL / 2, said, fontsize=style.TEXT - 1,
            ha="center", va="center", color=style.BLACK, zorder=4,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip


def _draw_byte(axes: Axes, x: float, y: float, byte: int) -> None:
    shown = {32: "␣", 10: r"\n", 13: r"\r", 9: r"\t"}.get(byte, chr(byte))
    plain = 32 <= byte < 127 or byte in (9, 10, 13)
    axes.text(
        x,
        y,
        shown if plain else f"{byte:02x}",
        family="monospace",
        fontsize=style.TEXT if plain and len(shown) == 1 else style.TEXT - 2.5,
        color=style.GREY if byte == 32 else style.BLACK,
        ha="center",
        va="center",
        zorder=4,
        parse_math=False,
    )


def _draw_axis(axes: Axes, y: float, total: int, scale: float, label: str) -> None:
    axes.plot((_LEFT, _RIGHT), (y, y), color=style.BLACK, linewidth=1.0)
    unit, name = style.unit_of(total)
    step = style.step_of(total / unit, 6)
    ticks = [step * number for number in range(int(total / unit / step) + 1)]
    for tick in ticks:
        x = _LEFT + tick * unit * scale
        axes.plot((x, x), (y, y - 0.06), color=style.BLACK, linewidth=1.0)
        axes.text(x, y - 0.1, f"{tick:g}", fontsize=style.TEXT - 1, ha="center", va="top")
    said = label if unit == 1 else f"{label} ({name})"
    axes.text(
        (_LEFT + _RIGHT) / 2, y - 0.29, said, fontsize=style.TEXT - 0.5, ha="center", va="top",
        color=style.BLACK, parse_math=False,
    )  # fmt: skip


def _positions(row: _Row) -> list[int]:
    return [start + step for start, size in row.blocks for step in range(size)]


def _unread(rows: list[_Row]) -> int:
    """How many bytes of the first row the last one does not have."""
    return max(0, rows[0].end - rows[-1].end)


def _from_to(way: Direction, ends: tuple[str, str]) -> str:
    client, server = ends
    return f"{client} to {server}" if way == "to_server" else f"{server} to {client}"


def _in_words(
    rows: list[_Row],
    parts: list[tuple[int, int, str]],
    total: int,
    way: Direction,
    ends: tuple[str, str],
    unread: int,
) -> str:
    said = [f"Byte axis: {style.count(total, 'byte')} from {_from_to(way, ends)}."]
    for row in rows:
        sizes = style.sizes([size for _, size in row.blocks]) if row.blocks else "nothing"
        said.append(f"The {row.name} {sizes}.")
    first, last = rows[0], rows[-1]
    if len(rows) > 1 and (cuts := first.cuts(total)):
        many = style.count(len(cuts), "cut")
        calls = "sends" if first.verb == "sent" else "reads"
        said.append(f"Of the {many} between its {calls}, {_also(cuts, last, total)}.")
    if parts:
        named = [f"{text} ({style.count(stop - start, 'byte')})" for start, stop, text in parts]
        said.append(f"The parts: {style.joined(named)}.")
        edges = {edge for start, stop, _ in parts for edge in (start, stop)} - {0, total}
        if edges:
            many = style.count(len(edges), "border")
            said.append(f"Of their {many}, {_also(edges, last, total)}.")
    if unread:
        verb = "was" if unread == 1 else "were"
        said.append(f"{style.count(unread, 'byte')} at the end {verb} not read.")
    return " ".join(said)


def _also(edges: Collection[int], row: _Row, total: int) -> str:
    """How many of these edges a row has too: "2 are cuts in what the server read"."""
    both = len(set(edges) & set(row.cuts(total)))
    found = f"{both} are cuts" if both > 1 else f"{both or 'none'} is a cut"
    return f"{found} in what the {row.name}"
