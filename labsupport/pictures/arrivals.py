"""When numbered messages arrived: each number against its time, and how long they took.

What is drawn was noted by whoever sent and received: `sent[n]` is the moment at which message n
was sent, and for each way that they took, such as UDP and TCP, there are (number, moment) pairs
in the order of arrival. Moments are seconds on one clock, as both ends of a loopback have it.

`arrivals` has one panel for each way, the numbers upwards and time to the right. A line leads from
the sending of a message to its arrival, so that its length is the delay. `delays` has one curve
for each way: the share of the messages that had arrived after so long. It ends below 100 % where
some never did.

The words say what two runs have in common: which messages are missing, came twice or out of order,
and orders of magnitude of the delays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from labsupport.pictures import style
from labsupport.pictures.picture import Picture

__all__ = ["arrivals", "delays"]

_MOST_WAYS = 3
_PANEL = 2.9  # inches: the height of what is plotted
_LEFT, _RIGHT, _BETWEEN = 0.85, 7.85, 0.3  # inches: the edges of all panels, and between two
_LOW, _ABOVE = 0.6, 0.34  # inches: for the axis below, and for the name of the way above
_SIZE = style.TEXT - 1
_LINES = ((style.BLUE, "-"), (style.VERMILLION, (0, (5, 2))), (style.GREEN, (0, (1, 1))))

Arrived = Mapping[str, Sequence[tuple[int, float]]]


@dataclass(frozen=True, slots=True)
class _Way:
    """What became of the messages on one way; times in milliseconds since the first was sent."""

    name: str
    sent: list[float]
    first: dict[int, float]  # when each number arrived for the first time
    again: list[tuple[int, float]]
    overtaken: list[int]  # numbers that arrived after a larger one

    @property
    def missing(self) -> list[int]:
        return [number for number in range(len(self.sent)) if number not in self.first]

    def delays(self) -> list[float]:
        """How long each message took that arrived, sorted, in milliseconds."""
        return sorted(moment - self.sent[number] for number, moment in self.first.items())


def arrivals(
    sent: Sequence[float],
    arrived: Arrived,
    *,
    finding: str,
    caption: str = "",
    alt: str | None = None,
) -> Picture:
    """Each message's number against the time of its arrival, one panel for each way.

    sent: when each message was sent, in seconds; message n is sent[n].
    arrived: for each way the (number, seconds) of what came, in the order of arrival.
    caption: what else is to be said of how it was measured.
    alt: the picture in words, instead of those made from the data.

    Raises ValueError without messages or ways, for more than three ways, and for a number that was
    not sent.
    """
    finding = style.sentence(finding)
    ways = _ways(sent, arrived)
    said = "One line for each message, from its sending to its arrival"
    height = _LOW + _PANEL + _ABOVE + 0.3
    figure, axes = style.paper(height, finding, f"{said}. {caption}" if caption else f"{said}.")
    last = max(moment for way in ways for moment in _moments(way))
    wide = (_RIGHT - _LEFT - _BETWEEN * (len(ways) - 1)) / len(ways)
    top = len(sent) - 1
    for place, way in enumerate(ways):
        left = _LEFT + place * (wide + _BETWEEN)
        x = _scale(0.0, last, left + 0.08, left + wide - 0.08)
        y = _scale(0.0, top, 0.3 + _LOW + 0.08, 0.3 + _LOW + _PANEL - 0.08)
        _draw_frame(axes, left, wide, way.name)
        _draw_ticks_below(axes, x, last, 4 if len(ways) > 1 else 8, "ms since the first was sent")
        _draw_ticks_left(axes, y, top, left, "number" if place == 0 else "")
        _draw_messages(axes, way, x, y)
    _draw_legend(axes, ways)
    data = {
        way.name: {
            "first": way.first,
            "again": way.again,
            "missing": way.missing,
            "overtaken": way.overtaken,
        }
        for way in ways
    }
    return Picture(figure, finding, alt or _arrivals_in_words(ways), data)


def delays(
    sent: Sequence[float],
    arrived: Arrived,
    *,
    finding: str,
    late: float | None = None,
    caption: str = "",
    alt: str | None = None,
) -> Picture:
    """The share of the messages that had arrived after so many milliseconds, for each way.

    late: in seconds; after so long a message is of no use any more, and a line says so.
    Other arguments and errors are those of `arrivals`.
    """
    finding = style.sentence(finding)
    ways = _ways(sent, arrived)
    said = "Of all that were sent, those that had arrived after so long"
    height = _LOW + _PANEL + (0.2 if late is None else 0.34)
    figure, axes = style.paper(height, finding, f"{said}. {caption}" if caption else f"{said}.")
    taken = [each for way in ways for each in way.delays()]
    most = 1.05 * max([*taken, 1000 * (late or 0.0), 1.0])
    x = _scale(0.0, most, _LEFT, _RIGHT)
    y = _scale(0.0, 100.0, _LOW, _LOW + _PANEL)
    axes.plot((_LEFT, _LEFT, _RIGHT), (_LOW + _PANEL, _LOW, _LOW), color=style.BLACK, linewidth=1)
    _draw_ticks_below(axes, x, most, 8, "delay in ms", low=_LOW)
    _draw_ticks_left(axes, y, 100, _LEFT, "% have arrived")
    if late is not None:
        _draw_late(axes, x(1000 * late), late)
    for number, (way, (colour, line)) in enumerate(zip(ways, _LINES, strict=False)):
        _draw_curve(axes, way, x, y, most, colour, line)
        level = _LOW + 0.2 + 0.24 * (len(ways) - 1 - number)
        axes.plot((5.05, 5.6), (level, level), color=colour, linestyle=line, linewidth=2.2)
        axes.text(
            5.7, level, f"{way.name}: {len(way.first)} of {len(sent)} arrived", fontsize=_SIZE,
            va="center", color=style.BLACK, parse_math=False, zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip
    data = {way.name: way.delays() for way in ways}
    return Picture(figure, finding, alt or _delays_in_words(ways), data)


def _ways(sent: Sequence[float], arrived: Arrived) -> list[_Way]:
    if not sent:
        raise ValueError("no message was sent, so there is nothing to draw")
    if not 0 < len(arrived) <= _MOST_WAYS:
        raise ValueError(f"there is room for 1 to {_MOST_WAYS} ways; {len(arrived)} were given")
    zero = sent[0]
    moments = [1000 * (each - zero) for each in sent]
    return [_way(name, moments, zero, came) for name, came in arrived.items()]


def _way(name: str, sent: list[float], zero: float, came: Sequence[tuple[int, float]]) -> _Way:
    way = _Way(name, sent, {}, [], [])
    largest = -1
    for number, moment in came:
        if not 0 <= number < len(sent):
            raise ValueError(
                f"message {number} arrived over {name}, and {style.count(len(sent), 'message')} "
                "were sent, from 0 on"
            )
        if number in way.first:
            way.again.append((number, 1000 * (moment - zero)))
            continue
        way.first[number] = 1000 * (moment - zero)
        if number < largest:
            way.overtaken.append(number)
        largest = max(largest, number)
    return way


def _moments(way: _Way) -> list[float]:
    return [*way.sent, *way.first.values(), *(moment for _, moment in way.again), 1.0]


# -- drawing


def _scale(low: float, high: float, begin: float, end: float) -> Callable[[float], float]:
    """A function from data to inches."""
    span = (high - low) or 1.0
    return lambda value: begin + (value - low) / span * (end - begin)


def _draw_frame(axes: Axes, left: float, wide: float, name: str) -> None:
    low = 0.3 + _LOW
    axes.plot((left, left, left + wide), (low + _PANEL, low, low), color=style.BLACK, linewidth=1)
    axes.text(
        left + wide / 2, low + _PANEL + 0.16, name, fontsize=style.TEXT + 0.5, fontweight="bold",
        ha="center", va="center", color=style.BLACK, parse_math=False,
    )  # fmt: skip


def _draw_ticks_below(
    axes: Axes,
    x: Callable[[float], float],
    last: float,
    most: int,
    label: str,
    *,
    low: float = 0.3 + _LOW,
) -> None:
    step = style.step_of(last, most)
    for number in range(int(last / step) + 1):
        at = x(step * number)
        axes.plot((at, at), (low, low - 0.06), color=style.BLACK, linewidth=1)
        axes.text(at, low - 0.1, f"{step * number:g}", fontsize=_SIZE, ha="center", va="top")
    axes.text(
        (x(0) + x(last)) / 2, low - 0.31, label, fontsize=_SIZE, ha="center", va="top",
        color=style.BLACK,
    )  # fmt: skip


def _draw_ticks_left(
    axes: Axes, y: Callable[[float], float], top: float, left: float, label: str
) -> None:
    """Ticks, with their numbers and a label where the panel is the first."""
    step = style.step_of(top, 5)
    for number in range(int(top / step) + 1):
        at = y(step * number)
        axes.plot((left, left - 0.06), (at, at), color=style.BLACK, linewidth=1)
        if label:
            axes.text(left - 0.1, at, f"{step * number:g}", fontsize=_SIZE, ha="right", va="center")
    if label:
        axes.text(
            left - 0.62, (y(0) + y(top)) / 2, label, fontsize=_SIZE, rotation=90, ha="center",
            va="center", color=style.BLACK,
        )  # fmt: skip


def _draw_messages(
    axes: Axes, way: _Way, x: Callable[[float], float], y: Callable[[float], float]
) -> None:
    small = len(way.sent) > 40
    for number, moment in way.first.items():
        axes.plot(
            (x(way.sent[number]), x(moment)), (y(number), y(number)), color=style.GREY,
            linewidth=0.6 if small else 1.0, zorder=1,
        )  # fmt: skip
    looks: dict[str, Any] = {"linestyle": "none", "clip_on": False}
    axes.plot(
        [x(moment) for moment in way.first.values()], [y(number) for number in way.first],
        marker="o", color=style.BLUE, markersize=2.5 if small else 5, zorder=3, **looks,
    )  # fmt: skip
    axes.plot(
        [x(moment) for _, moment in way.again], [y(number) for number, _ in way.again],
        marker="D", color=style.BLACK, markerfacecolor=style.ORANGE, zorder=4,
        markersize=6 if small else 7.5, **looks,
    )  # fmt: skip
    axes.plot(
        [x(way.sent[number]) for number in way.missing], [y(number) for number in way.missing],
        marker="x", color=style.VERMILLION, markeredgewidth=2, zorder=4,
        markersize=6 if small else 8, **looks,
    )  # fmt: skip


def _draw_legend(axes: Axes, ways: list[_Way]) -> None:
    signs = [("o", style.BLUE, "arrived")]
    if any(way.again for way in ways):
        signs.append(("D", style.ORANGE, "arrived again"))
    if any(way.missing for way in ways):
        signs.append(("x", style.VERMILLION, "sent, and never arrived"))
    at = _LEFT
    for marker, colour, words in signs:
        axes.plot(
            at + 0.06, 0.16, marker=marker, color=colour, markersize=6, linestyle="none",
            markeredgecolor=style.BLACK if marker == "D" else colour, markeredgewidth=1.6,
        )  # fmt: skip
        axes.text(at + 0.2, 0.16, words, fontsize=_SIZE, va="center", color=style.BLACK)
        at += 0.2 + style.width(words, _SIZE) + 0.4


def _draw_late(axes: Axes, at: float, late: float) -> None:
    top = _LOW + _PANEL
    axes.plot((at, at), (_LOW, top + 0.06), color=style.BLACK, linewidth=1, linestyle=(0, (2, 2)))
    words = f"late: after {1000 * late:g} ms"
    half = style.width(words, _SIZE) / 2
    axes.text(
        min(at, _RIGHT - half), top + 0.18, words, fontsize=_SIZE, ha="center", va="center",
        color=style.BLACK,
    )  # fmt: skip


def _draw_curve(
    axes: Axes,
    way: _Way,
    x: Callable[[float], float],
    y: Callable[[float], float],
    most: float,
    colour: str,
    line: Any,
) -> None:
    """The share that has arrived, as steps, on to the right edge."""
    taken = way.delays()
    across, upwards = [x(0.0)], [y(0.0)]
    for number, each in enumerate(taken):
        across += [x(max(each, 0.0))] * 2
        upwards += [upwards[-1], y(100 * (number + 1) / len(way.sent))]
    axes.plot(
        [*across, x(most)], [*upwards, upwards[-1]], color=colour, linestyle=line, linewidth=2.2,
        zorder=3,
    )  # fmt: skip


# -- words


def _arrivals_in_words(ways: list[_Way]) -> str:
    many = style.count(len(ways[0].sent), "message")
    said = [f"Arrival plot: {many} over {style.joined([way.name for way in ways])}."]
    for way in ways:
        if not way.missing:
            came = "all arrived"
        elif not way.first:
            came = "none arrived"
        else:
            verb = "is" if len(way.missing) == 1 else "are"
            came = f"{len(way.first)} arrived, and {style.some(way.missing)} {verb} missing"
        again = sorted({number for number, _ in way.again})
        twice = f"{style.some(again)} came more than once" if again else "none came twice"
        order = (
            f"{style.some(sorted(way.overtaken))} came after a larger number"
            if way.overtaken
            else ("the others" if way.missing else "all") + " kept their order"
        )  # fmt: skip
        said.append(f"{way.name}: {came}; {twice}; {order}.")
    return " ".join(said)


def _delays_in_words(ways: list[_Way]) -> str:
    """How many arrived; how long they took differs from run to run."""
    many = [f"{way.name}: {len(way.delays())} of {len(way.sent)} arrived." for way in ways]
    return f"Delay distribution of {style.joined([way.name for way in ways])}. {' '.join(many)}"
