"""The common look of the pictures: paper, colours, words that fit.

Colours are those of Okabe and Ito (https://jfly.uni-koeln.de/color/), which people with any kind
of colour vision can tell apart. A colour never carries a meaning alone: a hatch, a marker, a line
style or a word says the same, so that a picture printed in grey loses nothing.

Every picture lies on white paper of at most 8 inches, so that it is the same on a light and on a
dark page, and is drawn with a `Figure` of its own: pyplot's global state is not touched.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import lru_cache

from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path as _letters

BLACK = "#1a1a1a"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#6b6b6b"
LIGHT = "#e4e4e4"

DPI = 120
WIDTH = 8.0
"""Inches; with DPI this is 960 pixels, about the width of a cell's output."""

TEXT = 10.0
"""Points: 17 pixels at DPI."""

_TITLE = 12.5
_TITLE_LETTERS = 82  # letters of a line of the title, at most
_LINE = 0.23  # inches for one line of the title


def paper(height: float, finding: str, caption: str = "") -> tuple[Figure, Axes]:
    """White paper with the finding as title, above axes of ``height`` inches without a frame.

    The axes span the whole width, from 0 to ``WIDTH``, and from 0 at the bottom to ``height``: a
    unit is an inch, so that text and shapes can be placed exactly. ``caption`` says in a lighter
    line what is drawn.
    """
    lines = _title_lines(finding)
    head = 0.18 + _LINE * len(lines) + (0.24 if caption else 0.0)
    whole = height + head
    figure = Figure(figsize=(WIDTH, whole), dpi=DPI, facecolor="white")
    figure.text(
        0.1 / WIDTH,
        1 - 0.08 / whole,
        "\n".join(lines),
        fontsize=_TITLE,
        fontweight="bold",
        color=BLACK,
        va="top",
        linespacing=1.15,
        parse_math=False,
    )
    if caption:
        figure.text(
            0.1 / WIDTH,
            1 - (0.14 + _LINE * len(lines)) / whole,
            caption,
            fontsize=TEXT - 0.5,
            color=GREY,
            va="top",
            parse_math=False,
        )
    axes = figure.add_axes((0.0, 0.0, 1.0, height / whole))
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    return figure, axes


def count(number: int, thing: str) -> str:
    """A number and its thing: "1 read", "3 reads", "1,024 bytes"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def bytes_said(number: int) -> str:
    """A number of bytes as a label: "5 B", "64 KiB", "1.5 MiB"."""
    unit, name = unit_of(number)
    return f"{number} B" if unit == 1 else f"{number / unit:.3g} {name}"


def unit_of(number: int) -> tuple[int, str]:
    """The largest unit that the number of bytes has at least one of."""
    for unit, name in ((1024 * 1024, "MiB"), (1024, "KiB")):
        if number >= unit:
            return unit, name
    return 1, "bytes"


def step_of(span: float, most: int) -> float:
    """The distance between ticks: 1, 2 or 5 times a power of ten, at least 1, so that at most
    ``most`` steps fit into ``span``."""
    step = 1.0
    while True:
        for factor in (1, 2, 5):
            if span / (step * factor) <= most:
                return step * factor
        step *= 10


def sizes(numbers: Sequence[int]) -> str:
    """How often and how much, in words: "3 times: 5, 6 and 7 bytes"."""
    if len(numbers) == 1:
        return f"once: {count(numbers[0], 'byte')}"
    if len(set(numbers)) == 1:
        return f"{len(numbers):,} times: {count(numbers[0], 'byte')} each"
    if len(numbers) <= 8:
        return f"{len(numbers)} times: {joined([f'{each:,}' for each in numbers])} bytes"
    return (
        f"{len(numbers):,} times: {min(numbers):,} to {max(numbers):,} bytes each, "
        f"{sum(numbers):,} in all"
    )


def some(numbers: Sequence[int]) -> str:
    """A few of the numbers, in words: "1, 2, 3 and 47 more"."""
    if len(numbers) <= 6:
        return joined([str(each) for each in numbers])
    return f"{', '.join(map(str, numbers[:5]))} and {len(numbers) - 5} more"


def joined(words: Sequence[str]) -> str:
    """One or more words as a list: "a", "a and b", "a, b and c"."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _title_lines(finding: str) -> list[str]:
    """The finding, in as few lines as fit."""
    for letters in range(_TITLE_LETTERS, 1, -1):
        lines = textwrap.wrap(finding, letters)
        if all(width(line, _TITLE, bold=True) <= WIDTH - 0.15 for line in lines):
            break
    return lines


@lru_cache(maxsize=4096)
def width(text: str, size: float, *, mono: bool = False, bold: bool = False) -> float:
    """How many inches the text takes at that size in points."""
    family, weight = "monospace" if mono else None, "bold" if bold else "normal"
    font = FontProperties(family=family, size=size, weight=weight)
    wide, _, _ = _letters.get_text_width_height_descent(text, font, ismath=False)
    return float(wide) / 72


def fitted(text: str, size: float, room: float) -> str:
    """The text, cut with … so that it takes at most ``room`` inches."""
    if width(text, size) <= room:
        return text
    while text and width(f"{text}…", size) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def tint(colour: str) -> str:
    """A lighter form of the colour, on which black text is easy to read."""
    red, green, blue = to_rgb(colour)
    return to_hex((0.45 + 0.55 * red, 0.45 + 0.55 * green, 0.45 + 0.55 * blue))


def short_bytes(data: bytes, room: int) -> str:
    """The bytes as Python writes them, without the b, in at most ``room`` letters.

    Empty when so few bytes would fit that they say nothing.
    """
    whole = repr(data)[1:]
    if len(whole) <= room:
        return whole
    keep = min(len(data), room)
    while keep and len(repr(data[:keep])[1:]) > room - 1:
        keep -= 1
    return f"{repr(data[:keep])[1:]}…" if keep >= 2 else ""


def sentence(finding: str) -> str:
    """The finding on one line. Raises ValueError when there is none."""
    said = " ".join(finding.split())
    if not said:
        raise ValueError("a picture needs its finding: a sentence that says what it shows")
    return said
