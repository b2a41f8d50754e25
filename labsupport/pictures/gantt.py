"""The Gantt chart: who did what from when to when, one row for each.

What is drawn was noted by the program itself: (who, what, begin, end), with moments in seconds on
one clock. Rows stand in the order in which they were first heard of, and time goes to the right. A
kind of doing has its colour and its hatch; what was too short for a box is a stroke in its colour.
Where nothing was noted, the row is empty. The axis is in milliseconds, and in seconds when there
are more than ten.

Above the rows there is room for a loop's lag, as `meters.LoopLag` samples it: whoever was due at
the foot of a tooth was called at its tip, so much later.

The words tell for each row what it did in which order and no times, so that two runs that went
alike are told alike. Of the lag they tell beside whose doing it was longest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from labsupport.pictures import style
from labsupport.pictures.picture import Picture

__all__ = ["gantt"]

_RIGHT = 7.85  # inches: the right edge of the bars
_TALL, _GAP = 0.32, 0.14  # inches: a row, and between two rows
_BOX, _STROKE = 0.04, 0.02  # inches: what is narrower than a box is drawn as a stroke
_LOW, _HEAD = 0.62, 0.4  # inches: for the axis below, and for the signs above
_STRIP = 0.95  # inches: the lag of a loop, with the gap below it
_SIZE = style.TEXT - 1
_MOST_ROWS, _MOST_SPANS = 24, 2000
_LOOKS = (
    (style.BLUE, ""),
    (style.ORANGE, "////"),
    (style.GREEN, "...."),
    (style.PURPLE, "\\\\\\\\"),
    (style.YELLOW, "xxxx"),
    (style.GREY, "||||"),
)

Span = tuple[str, str, float, float]
Lag = Sequence[tuple[float, float]]


def gantt(
    spans: Sequence[Span],
    *,
    finding: str,
    caption: str = "",
    alt: str | None = None,
    lag: Lag = (),
    kinds: Sequence[str] = (),
) -> Picture:
    """Who did what, from when to when.

    spans: (who, what, begin, end) in any order; moments in seconds on one clock. Up to 24 rows,
    six kinds of doing and 2,000 spans.
    caption: what else is to be said of how it was measured.
    alt: the picture in words, instead of those made from the data.
    lag: samples of a loop's lag, (due, late) in seconds on the same clock; a strip above the rows.
    kinds: kinds of doing that are to look alike in several pictures, always in this order.

    Raises ValueError without spans, for too many, and for one that ends before it begins.
    """
    finding = style.sentence(finding)
    rows, kinds = _sorted(spans, kinds)
    looks = dict(zip(kinds, _LOOKS, strict=False))
    zero = min(begin for _, _, begin, _ in spans)
    last = max(1000 * (end - zero) for _, _, _, end in spans) or 1.0
    left = 0.25 + max(style.width(who, style.TEXT) for who in rows)
    if lag:
        left = max(left, 1.35)  # room for the strip's own words
    top = _LOW + len(rows) * (_TALL + _GAP)
    height = top + (_STRIP if lag else 0) + _HEAD
    said = "One row for each; empty where nothing was noted"
    if lag:
        said += "; above them, how late the loop called what was due"
    figure, axes = style.paper(height, finding, f"{said}. {caption}" if caption else f"{said}.")
    scale = (_RIGHT - left) / last
    for number, (who, its) in enumerate(rows.items()):
        low = top - (number + 1) * (_TALL + _GAP) + _GAP / 2
        axes.text(
            left - 0.12, low + _TALL / 2, who, fontsize=style.TEXT, ha="right", va="center",
            color=style.BLACK, parse_math=False,
        )  # fmt: skip
        for what, begin, end in its:
            at, wide = left + 1000 * (begin - zero) * scale, 1000 * (end - begin) * scale
            _draw_bar(axes, at, low, wide, *looks[what])
    late = [(1000 * (due - zero), 1000 * by) for due, by in lag]
    late = [(due, by) for due, by in late if due + by > 0 and due < last]
    if lag:
        _draw_lag(axes, late, left, top + _GAP, last)
    _draw_axis(axes, left, last)
    seen = {what for _, what, _, _ in spans}
    signs = {what: look for what, look in looks.items() if what in seen}
    _draw_signs(axes, signs, left, height - _HEAD / 2 + 0.04)
    data: dict[str, Any] = {
        who: [(what, 1000 * (begin - zero), 1000 * (end - zero)) for what, begin, end in its]
        for who, its in rows.items()
    }
    words = _in_words(rows)
    if lag:
        data["loop lag"] = late
        words += _lag_in_words(lag, spans)
    return Picture(figure, finding, alt or words, data)


def _sorted(
    spans: Sequence[Span], known: Sequence[str]
) -> tuple[dict[str, list[tuple[str, float, float]]], list[str]]:
    """The spans of each row by their begin, and the kinds of doing, both as first heard of; what
    is known of the kinds comes first."""
    if not spans:
        raise ValueError("nothing was noted, so there is nothing to draw")
    rows: dict[str, list[tuple[str, float, float]]] = {}
    kinds = list(known)
    for who, what, begin, end in spans:
        if end < begin:
            raise ValueError(f"{who}: {what} ends {begin - end:g} s before it begins")
        rows.setdefault(who, []).append((what, begin, end))
        if what not in kinds:
            kinds.append(what)
    for many, most, named in (
        (len(rows), _MOST_ROWS, "rows"),
        (len(kinds), len(_LOOKS), "kinds of doing"),
        (len(spans), _MOST_SPANS, "spans"),
    ):
        if many > most:
            raise ValueError(f"a Gantt chart has room for {most:,} {named}; {many:,} were given")
    for its in rows.values():
        its.sort(key=lambda span: span[1:])
    return rows, kinds


def _draw_bar(axes: Axes, at: float, low: float, wide: float, colour: str, hatch: str) -> None:
    if wide < _BOX:
        stroke = Rectangle(
            (at, low), max(wide, _STROKE), _TALL, color=colour, linewidth=0, zorder=2
        )
        axes.add_patch(stroke)
        return
    axes.add_patch(
        Rectangle(
            (at, low), wide, _TALL, facecolor=style.tint(colour), edgecolor=style.BLACK,
            hatch=hatch, linewidth=0.7,
        )
    )  # fmt: skip


def _draw_lag(axes: Axes, late: Lag, left: float, foot: float, last: float) -> None:
    """Teeth in milliseconds: up while somebody waits to be called, down when the call comes."""
    most = max((by for _, by in late), default=0.0) or 1.0
    across, up = (_RIGHT - left) / last, (_STRIP - 2 * _GAP) / most
    level = foot + most * up
    for due, by in late:
        begin, end = left + max(due, 0) * across, left + min(due + by, last) * across
        axes.fill(
            (begin, end, end), (foot, foot + by * up, foot), facecolor=style.tint(style.VERMILLION),
            edgecolor=style.BLACK, linewidth=0.7,
        )  # fmt: skip
    axes.plot((left, _RIGHT), (foot, foot), color=style.BLACK, linewidth=1)
    axes.plot((left, _RIGHT), (level, level), color=style.GREY, linewidth=0.6, linestyle=":")
    looks: dict[str, Any] = {"color": style.BLACK, "ha": "right", "va": "center"}
    axes.text(left - 0.12, (foot + level) / 2, "loop lag", fontsize=style.TEXT, **looks)
    axes.text(
        left - 0.12,
        level,
        f"{most:,.0f} ms" if most >= 10 else f"{most:.2g} ms",
        fontsize=_SIZE,
        **looks,
    )
    axes.text(left - 0.12, foot, "0 ms", fontsize=_SIZE, **looks)


def _draw_axis(axes: Axes, left: float, last: float) -> None:
    """last: where it ends, in milliseconds."""
    unit, last = ("s", last / 1000) if last > 10_000 else ("ms", last)
    axes.plot((left, _RIGHT), (_LOW, _LOW), color=style.BLACK, linewidth=1)
    step = style.step_of(last, 8)
    for number in range(int(last / step) + 1):
        at = left + step * number / last * (_RIGHT - left)
        axes.plot((at, at), (_LOW, _LOW - 0.06), color=style.BLACK, linewidth=1)
        axes.text(
            at, _LOW - 0.1, f"{step * number:g}", fontsize=_SIZE, ha="center", va="top",
            color=style.BLACK,
        )  # fmt: skip
    axes.text(
        (left + _RIGHT) / 2, _LOW - 0.31, unit, fontsize=_SIZE, ha="center", va="top",
        color=style.BLACK,
    )  # fmt: skip


def _draw_signs(
    axes: Axes, signs: Mapping[str, tuple[str, str]], left: float, level: float
) -> None:
    looks: dict[str, Any] = {"edgecolor": style.BLACK, "linewidth": 0.7}
    at = left
    for what, (colour, hatch) in signs.items():
        axes.add_patch(
            Rectangle(
                (at, level - 0.08), 0.3, 0.16, facecolor=style.tint(colour), hatch=hatch, **looks
            )
        )
        axes.text(
            at + 0.38, level, what, fontsize=_SIZE, va="center", color=style.BLACK,
            parse_math=False,
        )  # fmt: skip
        at += 0.38 + style.width(what, _SIZE) + 0.3


def _in_words(rows: dict[str, list[tuple[str, float, float]]]) -> str:
    said = [f"Gantt chart with {style.count(len(rows), 'row')}."]
    for who, its in rows.items():
        runs = [(what, len(list(same))) for what, same in groupby(what for what, _, _ in its)]
        parts = [what if times == 1 else f"{what} ({times} times)" for what, times in runs]
        if len(parts) > 8:
            parts = [*parts[:7], f"and {len(parts) - 7} more"]
        said.append(f"{who}: {', then '.join(parts)}.")
    return " ".join(said)


def _lag_in_words(lag: Lag, spans: Sequence[Span]) -> str:
    """Beside whose doing the lag was longest: the span that shares the most time with it."""
    due, late = max(lag, key=lambda sample: sample[1])
    shared = [min(due + late, end) - max(due, begin) for _, _, begin, end in spans]
    who, what, _, _ = spans[shared.index(max(shared))]
    return f" Above the rows the loop's lag, longest beside {who}: {what}."
