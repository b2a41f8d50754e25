"""The state timeline: the kernel's TCP states of both ends, from one marked call to the next.

A `StateRecorder` wrote the states into the trace each time it was told to mark a call. The columns
are as wide as the words need: what happens between two calls takes microseconds, TIME_WAIT a minute
or more. So the order is drawn and the durations are not.

Each state has its colour and its hatch, and its name stands in it (RFC 9293, section 3.3.2).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from labsupport.meters import NOT_VISIBLE, state_of
from labsupport.pictures import style
from labsupport.pictures.picture import Picture
from labsupport.trace import Event, Trace

__all__ = ["states"]

_LEFT, _RIGHT = 1.0, 7.9  # inches: where the first and the last column begin and end
_TALL, _GAP = 0.58, 0.22  # inches: a row, and between two rows
_SIZE = style.TEXT - 1
_MOST = 12

_LOOKS = {
    "LISTEN": (style.SKY, ""),
    "SYN_SENT": (style.SKY, ".."),
    "SYN_RECEIVED": (style.SKY, "oo"),
    "ESTABLISHED": (style.GREEN, ""),
    "FIN_WAIT_1": (style.ORANGE, "//"),
    "FIN_WAIT_2": (style.ORANGE, "////"),
    "CLOSE_WAIT": (style.PURPLE, "\\\\\\\\"),
    "CLOSING": (style.VERMILLION, "++"),
    "LAST_ACK": (style.VERMILLION, "\\\\"),
    "TIME_WAIT": (style.YELLOW, "xx"),
    "CLOSED": (style.LIGHT, ""),
    NOT_VISIBLE: ("#ffffff", ".."),
}


def states(trace: Trace, *, finding: str, connection: int = 1, alt: str | None = None) -> Picture:
    """The states of both ends of a connection after each marked call.

    connection: its number in the trace.
    alt: the picture in words, instead of those made from the data.

    Raises ValueError when the trace has no marks of a `StateRecorder` for the connection, when the
    ends were not marked together, and for more than 12 marks.
    """
    finding = style.sentence(finding)
    ends = _ends(trace.select(kind="state", connection=connection))
    if not ends:
        raise ValueError(
            f"the trace has no TCP states of connection {connection}. Make a "
            "meters.StateRecorder and call its mark() after each step."
        )
    marks = [what for _, what in next(iter(ends.values()))]
    for name, told in ends.items():
        if [what for _, what in told] != marks:
            raise ValueError(
                f"the {name} was not marked together with the other end, so the columns do not "
                "match; use one StateRecorder for both ends"
            )
    if len(marks) > _MOST:
        raise ValueError(f"a state timeline has room for {_MOST} marks; the trace has {len(marks)}")
    wide = (_RIGHT - _LEFT) / len(marks)
    size, calls = _wrapped(marks, wide)
    head = 0.3 + 0.16 * max(map(len, calls))
    height = head + len(ends) * _TALL + (len(ends) - 1) * _GAP + 0.2
    figure, axes = style.paper(
        height, finding, "The kernel's state after each call, in order; widths are not durations."
    )
    top = height - head
    _draw_calls(axes, calls, size, wide, top)
    for number, (name, told) in enumerate(ends.items()):
        low = top - _TALL - number * (_TALL + _GAP)
        axes.text(0.1, low + _TALL / 2, name, fontsize=style.TEXT, fontweight="bold", va="center",
                  color=style.BLACK, parse_math=False)  # fmt: skip
        _draw_row(axes, [state for state, _ in told], low, wide)
    seen = {name: [state for state, _ in told] for name, told in ends.items()}
    words = alt or _in_words(marks, seen)
    return Picture(figure, finding, words, {"marks": marks, "states": seen})


def _ends(events: Sequence[Event]) -> dict[str, list[tuple[str, str]]]:
    """For each end its (state, mark) pairs in order."""
    ends: dict[str, list[tuple[str, str]]] = {}
    for event in events:
        if (told := state_of(event)) is not None:
            ends.setdefault(event.where, []).append(told)
    return ends


def _wrapped(marks: list[str], wide: float) -> tuple[float, list[list[str]]]:
    """The calls in lines that fit their columns, and the size of their letters."""
    size = _SIZE
    while True:
        lines = [_broken(mark, size, wide - 0.12) for mark in marks]
        fit = all(style.width(line, size) <= wide - 0.08 for mark in lines for line in mark)
        if (fit and max(map(len, lines)) <= 4) or size <= 6:
            return size, lines
        size -= 0.5


def _broken(mark: str, size: float, room: float) -> list[str]:
    """The words of a call in lines; a line may also end before the parenthesis."""
    lines = [""]
    for word in re.findall(r"\s*(?:[^\s(]+|\([^\s]*)", mark):
        if lines[-1] and style.width(lines[-1] + word, size) > room:
            lines.append("")
        lines[-1] += word if lines[-1] else word.strip()
    return lines


def _draw_calls(axes: Axes, calls: list[list[str]], size: float, wide: float, top: float) -> None:
    for number, lines in enumerate(calls):
        x = _LEFT + number * wide
        axes.plot(
            (x, x), (top + 0.08 + 0.15 * len(lines), 0.1), color=style.BLACK, linewidth=1.0,
            linestyle=(0, (3, 2)), zorder=3,
        )  # fmt: skip
        axes.text(
            x + 0.06, top + 0.1, "\n".join(lines), fontsize=size, ha="left", va="bottom",
            color=style.BLACK, linespacing=1.1, parse_math=False,
        )  # fmt: skip


def _draw_row(axes: Axes, told: list[str], low: float, wide: float) -> None:
    """One block for each run of columns in the same state."""
    column = 0
    for state, run in groupby(told):
        many = len(list(run))
        x, room = _LEFT + column * wide, many * wide
        column += many
        colour, hatch = _LOOKS[state]
        axes.add_patch(
            Rectangle(
                (x, low), room, _TALL, facecolor=style.tint(colour) if hatch else colour,
                edgecolor=style.BLACK, linewidth=1.2, hatch=hatch, hatch_linewidth=0.5, zorder=2,
            )
        )  # fmt: skip
        words, size = _named(state, room - 0.12)
        axes.text(
            x + room / 2, low + _TALL / 2, words, fontsize=size, fontweight="bold", ha="center",
            va="center", color=style.BLACK, zorder=4, linespacing=1.05,
            bbox={"facecolor": "white", "edgecolor": "none", "boxstyle": "round,pad=0.2"},
        )  # fmt: skip


def _named(state: str, room: float) -> tuple[str, float]:
    """The state's name on one line or on two, in letters that fit."""
    words = "not visible here" if state == NOT_VISIBLE else state
    for size in (_SIZE, _SIZE - 1):
        if 1.12 * style.width(words, size) <= room:
            return words, size
    half = {"ESTABLISHED": "ESTAB-\nLISHED", "SYN_RECEIVED": "SYN_RE-\nCEIVED"}
    words = half.get(state, words.replace("_", "_\n", 1).replace(" ", "\n"))
    size = _SIZE
    while size > 5 and max(1.12 * style.width(line, size) for line in words.split("\n")) > room:
        size -= 0.5
    return words, size


def _in_words(marks: list[str], told: dict[str, list[str]]) -> str:
    said = [f"State timeline of {style.joined(list(told))}, {style.count(len(marks), 'step')}."]
    for number, mark in enumerate(marks):
        now = [
            f"the {name} is {_placed(told_states[number])}" for name, told_states in told.items()
        ]
        said.append(f'After "{mark}" {style.joined(now)}.')
    return " ".join(said)


def _placed(state: str) -> str:
    return "not visible here" if state == NOT_VISIBLE else f"in {state}"
