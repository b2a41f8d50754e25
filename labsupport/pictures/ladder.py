"""The ladder: one line of life for each recorder, time downwards, one row for each event.

Rows are in the order of the trace and equally far apart: a ladder shows what came after what, not
how long it took. An arrow begins at the event that gave bytes (or the end of the stream) to the
network and ends at the event that took them. Where both ends were recorded, one read may so be the
end of several arrows, or one send the beginning of several. Where nothing was recorded at the other
end, the arrow is level and its other end is open, because nobody saw when it arrived.
"""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.offsetbox import AnnotationBbox, HPacker, TextArea

from labsupport.pictures import style
from labsupport.pictures.picture import Picture
from labsupport.pictures.rungs import (
    Rung,
    columns_of,
    in_words,
    match,
    plain,
    rungs_of,
    words_of,
)
from labsupport.trace import Trace

__all__ = ["ladder"]

_JOIN_FROM = 24  # events from which neighbours of one stream are joined, unless the caller says
_ROW = 0.30  # inches between two rows
_SIZE, _SMALL = style.TEXT - 1, style.TEXT - 2.5
_BESIDE, _NARROW = 2.45, 2.2  # inches for the words beside an end, with something between the ends
_SIGNS = {"reset": "X", "error": "X", "fault": "*", "timeout": "D", "eof": "s", "close": "s"}


def ladder(
    trace: Trace,
    *,
    finding: str,
    client: str = "client",
    server: str = "server",
    join: bool | None = None,
    most: int = 50,
    alt: str | None = None,
) -> Picture:
    """What the recorders saw, as a ladder between client, links and server.

    client, server: the names (`where`) of the recorders at the two ends; others stand between.
    join: draw neighbours of one stream as one row; without it, only when there are more than 24.
    most: the most rows; of a longer trace the beginning and the end are drawn, and said so.
    alt: the picture in words, instead of those made from the data.

    Raises ValueError for a trace without events, and for ``most`` below 4.
    """
    finding = style.sentence(finding)
    if most < 4:
        raise ValueError(f"a ladder needs room for at least 4 rows; most={most}")
    events = trace.events
    if not events:
        raise ValueError("the trace has no events, so there is nothing to draw")
    columns = columns_of(events, client, server)
    recorded = {each.where for each in events}
    rows = rungs_of(events, columns, len(events) > _JOIN_FROM if join is None else join)
    match(rows, columns, recorded)
    head, left_out = _kept(len(rows), most)
    shown = [number for number in range(len(rows)) if not head <= number < head + left_out]
    height = 0.5 + _ROW * (len(shown) + (left_out > 0)) + 0.1
    figure, axes = style.paper(
        height, finding, "Time runs downwards, one row for each event; distances are not durations."
    )
    top = height - 0.46
    lines = _lifelines(columns, recorded)
    for name, x in zip(columns, lines, strict=True):
        _draw_line(axes, name, x, top, name in recorded)
    sheet = _Sheet(axes, rows, columns, recorded, lines, {})
    for place, number in enumerate(shown):
        sheet.level[number] = top - _ROW * (place + 0.55 + (number >= head and left_out > 0))
    for number in shown:
        sheet.draw_arrows(number)
    for number in shown:
        sheet.draw_words(number)
    if left_out:
        axes.text(
            style.WIDTH / 2, top - _ROW * (head + 0.55),
            f"… {style.count(left_out, 'row')} not drawn …",
            ha="center", va="center", fontsize=_SIZE, color=style.BLACK, style="italic", zorder=6,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
        )  # fmt: skip
    data = {
        "columns": columns,
        "rows": [plain(row) for row in rows],
        "arrows": [(number, end) for number, row in enumerate(rows) for end in row.ends],
        "drawn": shown,
    }
    return Picture(figure, finding, alt or in_words(rows, columns, trace), data)


def _kept(total: int, most: int) -> tuple[int, int]:
    """How many rows are drawn from the beginning, and how many are left out after them."""
    if total <= most:
        return total, 0
    head = (most - 1) * 2 // 3
    return head, total - (most - 1)


def _lifelines(columns: list[str], recorded: set[str]) -> list[float]:
    """Where the lines stand, in inches: with room beside an end whose words stand there."""
    beside = _beside(columns) if len(recorded) > 1 else 0.75
    left = beside if columns[0] in recorded else 0.75
    right = style.WIDTH - (beside if columns[-1] in recorded else 0.75)
    step = (right - left) / (len(columns) - 1)
    return [left + step * number for number in range(len(columns))]


def _beside(columns: list[str]) -> float:
    return _BESIDE if len(columns) == 2 else _NARROW


def _draw_line(axes: Axes, name: str, x: float, top: float, recorded: bool) -> None:
    axes.plot(
        (x, x), (top + 0.1, 0.08), color=style.GREY, linewidth=1.8 if recorded else 1.0,
        linestyle="-" if recorded else (0, (2, 3)), zorder=1,
    )  # fmt: skip
    axes.text(
        x, top + 0.24, name if recorded else f"{name} (not recorded)", ha="center", va="center",
        fontsize=style.TEXT if recorded else _SIZE, fontweight="bold" if recorded else "normal",
        color=style.BLACK, parse_math=False, zorder=5,
        bbox={
            "facecolor": style.LIGHT if recorded else "white", "edgecolor": style.GREY,
            "boxstyle": "round,pad=0.35", "linestyle": "-" if recorded else ":",
        },
    )  # fmt: skip


@dataclass(slots=True)
class _Sheet:
    """What is needed to draw a row: everything's place on the paper."""

    axes: Axes
    rows: list[Rung]
    columns: list[str]
    recorded: set[str]
    lines: list[float]
    level: dict[int, float]  # of the rows that are drawn

    def draw_arrows(self, number: int) -> None:
        row = self.rows[number]
        x, y = self.lines[row.column], self.level[number]
        if not row.silent and row.event.direction is not None:
            other = row.column + self._step(row)
            if 0 <= other < len(self.columns):
                self._draw_flow(row, x, y, other)
        sign = _SIGNS.get(row.event.kind, "o")
        full = row.outgoing or sign in "X*D"
        self.axes.plot(
            x, y, marker=sign, markersize=11 if sign == "*" else 6.5, zorder=4,
            color=_colour(row), markerfacecolor=_colour(row) if full else "white",
            markeredgewidth=1.4, linestyle="none",
        )  # fmt: skip

    def _draw_flow(self, row: Rung, x: float, y: float, other: int) -> None:
        """The arrows of one row: to what took from it, or level where nobody recorded."""
        there = self.lines[other]
        if self.columns[other] not in self.recorded:
            ends = ((x, y), (there, y)) if row.outgoing else ((there, y), (x, y))
            self._draw_arrow(row, *ends)
            return
        if not row.outgoing:
            return
        for end in row.ends:
            if end in self.level:
                self._draw_arrow(self.rows[end], (x, y), (there, self.level[end]))
            else:
                self._draw_arrow(row, (x, y), (there, y))
        if row.event.moved and not row.ends:
            step = 0.45 if there > x else -0.45
            self.axes.plot((x, x + step), (y, y), color=_colour(row), linewidth=1.4, zorder=2)
            self.axes.plot(x + step, y, marker="x", markersize=7, color=_colour(row), zorder=4)
            self.axes.text(
                x + step * 1.25, y, "not read" if row.event.kind == "sent" else "did not arrive",
                ha="left" if step > 0 else "right", va="center", fontsize=_SIZE - 1.5, zorder=4,
                color=style.BLACK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
            )  # fmt: skip

    def _draw_arrow(self, row: Rung, start: tuple[float, float], end: tuple[float, float]) -> None:
        over = not row.event.moved
        self.axes.annotate(
            "",
            xy=end,
            xytext=start,
            arrowprops={
                "arrowstyle": "-|>",
                "color": _colour(row),
                "linewidth": 1.4,
                "linestyle": (0, (4, 2)) if over else "-",
                "mutation_scale": 11,
                "shrinkA": 3,
                "shrinkB": 4,
            },
            zorder=2,
        )

    def draw_words(self, number: int) -> None:
        """The words of a row: on the far side of its arrow, above a level one, or on the line."""
        row = self.rows[number]
        x, y = self.lines[row.column], self.level[number]
        end = row.column in (0, len(self.columns) - 1)
        if row.column == 0:
            away = -1
        elif end:
            away = 1
        else:
            away = -self._step(row)
        if len(self.recorded) > 1 and end:
            self._words(row, x + away * 0.14, y, (1 - away) / 2, _beside(self.columns) - 0.24)
        elif row.silent or row.event.direction is None:
            if end:
                self._words(row, x - away * 0.14, y, (1 + away) / 2, style.WIDTH - 1.8)
            else:
                self._words(row, x, y, 0.5, style.WIDTH - 0.8, framed=True)
        else:
            there = self.lines[row.column - away]
            if self.columns[row.column - away] in self.recorded:
                room = abs(there - x) - 0.3
                self._words(row, x + away * 0.14, y, (1 - away) / 2, room)
            else:
                self._words(row, (x + there) / 2, y + 0.1, 0.5, abs(there - x) - 0.3)

    @staticmethod
    def _step(row: Rung) -> int:
        """Where the other end of a row's arrow lies: 1 to the right, -1 to the left."""
        step = 1 if row.event.direction == "to_server" else -1
        return step if row.outgoing else -step

    def _words(
        self, row: Rung, x: float, y: float, align: float, room: float, *, framed: bool = False
    ) -> None:
        """Write what happened and, in another font, the bytes; ``align`` 0 begins at x, 1 ends."""
        said = words_of(row)
        if style.width(said, _SMALL) > room:
            said = said.partition(": ")[0]  # the note is in the picture's words
        if row.event.kind == "fault":
            said = f"⚡ {said}"
        if len({each.event.connection for each in self.rows}) > 1:
            said = f"#{row.event.connection} {said}"
        size = _SIZE
        while style.width(said, size) > room and size > _SMALL:
            size -= 0.5
        said = style.fitted(said, size, room)
        font = {"fontsize": size, "color": style.BLACK, "parse_math": False}
        parts: list[Artist] = [TextArea(said, textprops=font)]
        left = room - style.width(f"{said} ", size)
        letters = int(left / style.width("0", size, mono=True))
        if row.data and letters >= 4 and (shown := style.short_bytes(row.data, letters)):
            parts.append(TextArea(shown, textprops=font | {"family": "monospace"}))
        between = align != 0.5 and 0 < row.column < len(self.columns) - 1
        box = AnnotationBbox(
            HPacker(children=parts, pad=0, sep=4, align="baseline"), (x, y),
            box_alignment=(align, 0.5), frameon=framed or between, pad=0.25 if framed else 0.1,
            bboxprops={
                "facecolor": "white", "edgecolor": style.BLACK if framed else "none",
                "boxstyle": "round,pad=0.15", "alpha": 1.0 if framed else 0.8,
            },
        )  # fmt: skip
        box.set_zorder(5)
        self.axes.add_artist(box)


def _colour(row: Rung) -> str:
    if row.event.kind in ("reset", "fault", "error", "timeout"):
        return style.BLACK
    if row.event.direction is None:
        return style.GREY
    return style.BLUE if row.event.direction == "to_server" else style.VERMILLION
