"""Curves: one measured quantity against another, one line for each kind of program.

What is drawn was measured at each of the points, which are marked; the lines between them help the
eye. Each curve has its colour, its line and its marker, and its name stands in the list beside it.

The words say what two runs have in common: which curves rise from their first point to their last,
which fall, and which stay level. Level is what moves by less than a fifth of the picture's height.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes

from labsupport.pictures import style
from labsupport.pictures.picture import Picture

__all__ = ["curves"]

_LEFT, _RIGHT, _LIST = 0.95, 5.6, 5.85  # inches: the edges of the plot, and where the list begins
_LOW, _PLOT, _ABOVE = 0.62, 2.9, 0.2  # inches: the axis below, what is plotted, and above it
_SIZE = style.TEXT - 1
_LEVEL = 0.2  # of the picture's height
_LOOKS: tuple[tuple[str, Any, str], ...] = (
    (style.VERMILLION, "-", "o"),
    (style.BLUE, (0, (5, 2)), "s"),
    (style.GREEN, (0, (1, 1)), "^"),
    (style.PURPLE, (0, (5, 1, 1, 1)), "D"),
)

Points = Sequence[tuple[float, float]]


def curves(
    measured: Mapping[str, Points],
    *,
    across: str,
    upwards: str,
    finding: str,
    caption: str = "",
    alt: str | None = None,
) -> Picture:
    """One quantity against another.

    measured: for each curve its points (x, y), with no number below 0; up to four curves.
    across, upwards: what x and y are, with their units.
    caption: what else is to be said of how it was measured.
    alt: the picture in words, instead of those made from the data.

    Raises ValueError without curves, for more than four, for a curve without points, and for
    numbers below 0.
    """
    finding = style.sentence(finding)
    if not 0 < len(measured) <= len(_LOOKS):
        raise ValueError(f"there is room for 1 to {len(_LOOKS)} curves; {len(measured)} were given")
    lines = {name: sorted(points) for name, points in measured.items()}
    for name, points in lines.items():
        if not points:
            raise ValueError(f"{name}: nothing was measured, so there is nothing to draw")
        if min(min(point) for point in points) < 0:
            raise ValueError(f"{name}: a number is below 0; the axes begin there")
    most = max(x for points in lines.values() for x, _ in points) or 1.0
    top = 1.05 * max(y for points in lines.values() for _, y in points) or 1.0
    height = _LOW + _PLOT + _ABOVE
    figure, axes = style.paper(height, finding, caption or "Each mark was measured.")
    x, y = (_RIGHT - _LEFT) / most, _PLOT / top
    for number, (name, points) in enumerate(lines.items()):
        colour, line, marker = _LOOKS[number]
        axes.plot(
            [_LEFT + each * x for each, _ in points], [_LOW + each * y for _, each in points],
            color=colour, linestyle=line, marker=marker, markersize=6, linewidth=2, clip_on=False,
            zorder=3,
        )  # fmt: skip
        level = _LOW + _PLOT - 0.2 - 0.3 * number
        axes.plot(
            (_LIST, _LIST + 0.25, _LIST + 0.5), (level,) * 3, color=colour, linestyle=line,
            marker=marker, markersize=6, markevery=[1], linewidth=2,
        )  # fmt: skip
        axes.text(
            _LIST + 0.6, level, style.fitted(name, style.TEXT, style.WIDTH - _LIST - 0.7),
            fontsize=style.TEXT, va="center", color=style.BLACK, parse_math=False,
        )  # fmt: skip
    _draw_axes(axes, most, top, across, upwards)
    words = alt or _in_words(lines, top, across, upwards)
    return Picture(figure, finding, words, dict(lines))


def _draw_axes(axes: Axes, most: float, top: float, across: str, upwards: str) -> None:
    axes.plot((_LEFT, _LEFT, _RIGHT), (_LOW + _PLOT, _LOW, _LOW), color=style.BLACK, linewidth=1)
    step = style.step_of(most, 6)
    for number in range(int(most / step) + 1):
        at = _LEFT + step * number / most * (_RIGHT - _LEFT)
        axes.plot((at, at), (_LOW, _LOW - 0.06), color=style.BLACK, linewidth=1)
        axes.text(
            at, _LOW - 0.1, f"{step * number:,.0f}", fontsize=_SIZE, ha="center", va="top",
            color=style.BLACK,
        )  # fmt: skip
    step = style.step_of(top, 5)
    for number in range(int(top / step) + 1):
        at = _LOW + step * number / top * _PLOT
        axes.plot((_LEFT, _LEFT - 0.06), (at, at), color=style.BLACK, linewidth=1)
        axes.text(
            _LEFT - 0.1, at, f"{step * number:,.0f}", fontsize=_SIZE, ha="right", va="center",
            color=style.BLACK,
        )  # fmt: skip
    looks: dict[str, Any] = {"fontsize": _SIZE, "color": style.BLACK, "parse_math": False}
    axes.text((_LEFT + _RIGHT) / 2, _LOW - 0.31, across, ha="center", va="top", **looks)
    axes.text(
        0.2, _LOW + _PLOT / 2, upwards, rotation=90, ha="center", va="center", **looks
    )  # fmt: skip


def _in_words(
    lines: Mapping[str, list[tuple[float, float]]], top: float, across: str, upwards: str
) -> str:
    said = [f"{style.count(len(lines), 'curve').capitalize()}: {upwards} against {across}."]
    for name, points in lines.items():
        moved = points[-1][1] - points[0][1]
        how = "stays level"
        if abs(moved) >= _LEVEL * top:
            how = "rises" if moved > 0 else "falls"
        said.append(f"{name}: {how}.")
    return " ".join(said)
