"""How much came when: one panel for each kind of program, one bar for each slot of time.

What is drawn are moments that were noted, such as those at which requests came to a server, counted
in slots of equal length. All panels have the same axes, so that the heights can be compared; over
each panel stands how many came in all.

The words tell the total of each panel and in how many of its slots anything came, as a share in
quarters: spikes leave most slots empty, a spread leaves few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from labsupport.pictures import style
from labsupport.pictures.picture import Picture

__all__ = ["rates"]

_LEFT, _RIGHT = 0.95, 7.85  # inches: the edges of all panels
_LOW, _PANEL, _HEAD = 0.62, 0.95, 0.34  # inches: the axis below, a panel, and its name above it
_SIZE = style.TEXT - 1
_MOST = 4  # panels
_LOOKS = ((style.VERMILLION, ""), (style.ORANGE, "////"), (style.BLUE, ""), (style.GREEN, "...."))


def rates(
    moments: Mapping[str, Sequence[float]],
    *,
    slot: float,
    until: float,
    finding: str,
    what: str = "requests",
    caption: str = "",
    alt: str | None = None,
) -> Picture:
    """How many came in each slot of time, one panel for each name.

    moments: for each name when something came, in seconds from 0; up to four names.
    slot: the length of a slot, in seconds. until: where the axis ends, in seconds; what came later
    is counted in the total alone. what: came. caption: what else is to be said of it.
    alt: the picture in words, instead of those made from the data.

    Raises ValueError without names, for more than four, without anything in all of them, for a
    moment below 0, and for a slot that is not above 0 or longer than the axis.
    """
    finding = style.sentence(finding)
    if not 0 < len(moments) <= _MOST:
        raise ValueError(f"there is room for 1 to {_MOST} panels; {len(moments)} were given")
    if not 0 < slot <= until:
        raise ValueError(f"slot={slot:g} s has to be above 0, and until={until:g} s at least that")
    if min((min(its, default=0.0) for its in moments.values()), default=0.0) < 0:
        raise ValueError("a moment is below 0; the axis begins there")
    slots = {
        name: Counter(int(each / slot) for each in its if each < until)
        for name, its in moments.items()
    }
    top = max((max(its.values(), default=0) for its in slots.values()), default=0)
    if not top:
        raise ValueError(f"nothing came before {until:g} s, so there is nothing to draw")
    height = _LOW + len(moments) * (_PANEL + _HEAD)
    said = f"{what.capitalize()} in each {1000 * slot:g} ms"
    figure, axes = style.paper(height, finding, f"{said}. {caption}" if caption else f"{said}.")
    x, y = (_RIGHT - _LEFT) / until, (_PANEL - 0.1) / top
    for number, (name, its) in enumerate(slots.items()):
        low = height - (number + 1) * (_PANEL + _HEAD)
        _draw_panel(axes, f"{name}: {style.count(len(moments[name]), what[:-1])}", low)
        colour, hatch = _LOOKS[number]
        for place, many in its.items():
            axes.add_patch(
                Rectangle(
                    (_LEFT + place * slot * x, low), slot * x, many * y, zorder=3, linewidth=0.5,
                    facecolor=style.tint(colour) if hatch else colour, edgecolor=style.BLACK,
                    hatch=hatch, hatch_linewidth=0.5,
                )
            )  # fmt: skip
        step = style.step_of(top, 3)
        for tick in range(int(top / step) + 1):
            _draw_tick(axes, low + tick * step * y, f"{tick * step:,.0f}")
    _draw_seconds(axes, until, x)
    return Picture(figure, finding, alt or _in_words(moments, slots, slot, until, what), slots)


def _draw_panel(axes: Axes, name: str, low: float) -> None:
    axes.plot((_LEFT, _LEFT, _RIGHT), (low + _PANEL, low, low), color=style.BLACK, linewidth=1)
    axes.text(
        _LEFT + 0.08, low + _PANEL + 0.12, style.fitted(name, style.TEXT, _RIGHT - _LEFT),
        fontsize=style.TEXT, fontweight="bold", va="center", color=style.BLACK, parse_math=False,
    )  # fmt: skip


def _draw_tick(axes: Axes, at: float, said: str) -> None:
    axes.plot((_LEFT, _LEFT - 0.06), (at, at), color=style.BLACK, linewidth=1)
    axes.text(
        _LEFT - 0.1, at, said, fontsize=_SIZE, ha="right", va="center", color=style.BLACK
    )  # fmt: skip


def _draw_seconds(axes: Axes, until: float, x: float) -> None:
    step = style.step_of(until, 10)
    for number in range(int(until / step) + 1):
        at = _LEFT + number * step * x
        axes.plot((at, at), (_LOW, _LOW - 0.06), color=style.BLACK, linewidth=1)
        axes.text(
            at, _LOW - 0.1, f"{number * step:g}", fontsize=_SIZE, ha="center", va="top",
            color=style.BLACK,
        )  # fmt: skip
    axes.text(
        (_LEFT + _RIGHT) / 2, _LOW - 0.31, "seconds", fontsize=_SIZE, ha="center", va="top",
        color=style.BLACK,
    )  # fmt: skip


def _in_words(
    moments: Mapping[str, Sequence[float]],
    slots: Mapping[str, Counter[int]],
    slot: float,
    until: float,
    what: str,
) -> str:
    panels = style.count(len(moments), "panel")
    said = [f"{panels.capitalize()} of bars: {what} in each {1000 * slot:g} ms."]
    share = ("in few of the slots", "in a part of the slots", "in most of the slots")
    for name, its in slots.items():
        filled = len(its) / (until / slot)
        total = style.count(len(moments[name]), what[:-1])
        said.append(f"{name}: {total}, {share[(filled > 0.25) + (filled > 0.75)]}.")
    return " ".join(said)
