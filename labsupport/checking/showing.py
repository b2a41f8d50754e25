"""Values as text for feedback: bounded, the same on every run, with a caret at a difference.

`show` writes a value as Python would, except that long data is cut in the middle of nowhere but at
a stated length, and that sets are sorted, so that equal values give equal text. `compare` lays an
expected and a received value under each other. For bytes and text it cuts a window around the
first difference, keeps both lines aligned there, and puts a caret under it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

__all__ = ["bounded", "clean", "compare", "count", "same", "show"]

_ROOM = 72
_LINES = 60
_LINE = 300
_BEFORE = 24
_AFTER = 28
_ITEMS = 12

_ESCAPES = {0x09: r"\t", 0x0A: r"\n", 0x0D: r"\r", 0x27: r"\'", 0x5C: r"\\"}
_BYTES = [
    _ESCAPES.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}")
    for byte in range(256)
]

# ESC sequences, then every control, format, direction and surrogate character except \n and \t.
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff]"
)


def count(number: int, thing: str) -> str:
    """A number and its noun: "1 byte", "2 bytes", "1,000 bytes"."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def clean(text: str) -> str:
    """Text that a terminal and a page show as it is: without control and direction characters.

    Escape sequences vanish, "\\r\\n" becomes "\\n", any other control character becomes U+FFFD.
    """
    text = _SEQUENCE.sub("", text.replace("\r\n", "\n"))
    return _CONTROL.sub("\ufffd", text)


def bounded(text: str) -> str:
    """Text that a person can read: at most 60 lines of at most 300 characters, and what is missing.

    Of a longer text the first 40 lines and the last 20 stay.
    """
    lines = text.splitlines()
    if len(lines) > _LINES:
        head, tail = lines[: _LINES * 2 // 3], lines[-(_LINES // 3) :]
        left_out = len(lines) - len(head) - len(tail)
        lines = [*head, f"... ({left_out:,} lines left out)", *tail]
    return "\n".join(
        line if len(line) <= _LINE else f"{line[:_LINE]}... ({len(line):,} characters)"
        for line in lines
    )


def show(value: Any, room: int = _ROOM) -> str:
    """A value as Python writes it, about `room` characters long at most."""
    if isinstance(value, bytes | bytearray):
        return _shortened(bytes(value), room, "byte")
    if isinstance(value, str):
        return _shortened(value, room, "character")
    if isinstance(value, dict):
        pairs = [f"{show(key, room)}: {show(item, room)}" for key, item in _few(value.items())]
        return "{" + _joined(pairs, len(value)) + "}"
    if isinstance(value, set | frozenset):
        if not value:
            return f"{type(value).__name__}()"
        items = sorted(show(item, room) for item in value)[:_ITEMS]
        return "{" + _joined(items, len(value)) + "}"
    if isinstance(value, list):
        return "[" + _joined([show(item, room) for item in _few(value)], len(value)) + "]"
    if isinstance(value, tuple):
        inside = _joined([show(item, room) for item in _few(value)], len(value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if isinstance(value, int) and value.bit_length() > 512:
        return f"{hex(value)[:40]}... (an int of {count(value.bit_length(), 'bit')})"
    text = repr(value)
    return text if len(text) <= 4 * room else text[: 4 * room] + "..."


def same(got: Any, wanted: Any) -> bool:
    """Whether two plain values are equal and of the same types all the way down.

    So True is not 1, 80 is not 80.0, and a list is not a tuple.
    """
    if type(got) is not type(wanted):
        return False
    if isinstance(got, list | tuple):
        return len(got) == len(wanted) and all(map(same, got, wanted))
    if isinstance(got, dict):
        return got.keys() == wanted.keys() and all(same(got[key], wanted[key]) for key in wanted)
    return bool(got == wanted)


def compare(wanted: Any, got: Any) -> str:
    """Two lines, "expected" and "came", and where it helps a caret under the first difference."""
    if isinstance(wanted, bytes) and isinstance(got, bytes):
        return _aligned(wanted, got, "byte")
    if isinstance(wanted, str) and isinstance(got, str):
        return _aligned(wanted, got, "character")
    if type(wanted) is type(got) and isinstance(wanted, list | tuple):
        return _items(wanted, got)
    lines = [f"expected  {show(wanted)}", f"came      {show(got)}"]
    if type(wanted) is not type(got):
        kinds = (type(wanted).__name__, type(got).__name__)
        lines = [f"{line}   ({kind})" for line, kind in zip(lines, kinds, strict=True)]
    return "\n".join(lines)


def _items(wanted: Sequence[Any], got: Sequence[Any]) -> str:
    lines = [f"expected  {show(wanted)}", f"came      {show(got)}"]
    if len(wanted) != len(got):
        lines.append(f"{count(len(wanted), 'item')} expected, {len(got)} came")
    pairs = enumerate(zip(wanted, got, strict=False))
    at = next((index for index, pair in pairs if not same(*pair)), None)
    if at is not None and max(len(wanted), len(got)) > 1:
        inner = compare(wanted[at], got[at]).splitlines()
        lines += [f"item {at} is the first that differs:", *(f"  {line}" for line in inner)]
    return "\n".join(lines)


def _aligned(wanted: bytes | str, got: bytes | str, unit: str) -> str:
    at = _first_difference(wanted, got)
    start = max(0, at - _BEFORE)
    above, _ = _window(wanted, start, at)
    below, column = _window(got, start, at)
    heads = ("expected  ", "came      ")
    lines = [heads[0] + above, heads[1] + below]
    if at < max(len(wanted), len(got)):
        lines.append(" " * (len(heads[1]) + column) + f"^ {_difference(wanted, got, at, unit)}")
    return "\n".join(lines)


def _first_difference(wanted: bytes | str, got: bytes | str) -> int:
    """The first offset at which they differ; the shorter length when one begins the other."""
    low, high = 0, min(len(wanted), len(got))
    while low < high:  # by halves: one comparison of slices is much faster than a loop over items
        middle = (low + high + 1) // 2
        if wanted[low:middle] == got[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _difference(wanted: bytes | str, got: bytes | str, at: int, unit: str) -> str:
    if at == len(got):
        missing = count(len(wanted) - at, unit)
        return f"ends here, at {unit} {at:,}: {missing} missing"
    if at == len(wanted):
        return f"from {unit} {at:,} on: {count(len(got) - at, unit)} too many"
    if isinstance(wanted, bytes) and isinstance(got, bytes):
        return f"first difference at byte {at:,}: {wanted[at]:02x} expected, {got[at]:02x} came"
    return f"first difference at character {at:,}"


def _window(data: bytes | str, start: int, at: int) -> tuple[str, int]:
    """The items from start to a little after `at`, and the column at which `at` is drawn."""
    end = min(len(data), at + _AFTER)
    opening = ("..." if start else "") + ("b'" if isinstance(data, bytes) else "'")
    before = "".join(_cells(data[start:at]))
    after = "".join(_cells(data[at:end]))
    closing = "'" + (f"... ({len(data):,} in all)" if end < len(data) else "")
    return opening + before + after + closing, _width(opening + before)


def _cells(data: bytes | str) -> list[str]:
    """Each item as it stands inside quotes; its width does not depend on its neighbours."""
    if isinstance(data, bytes):
        return [_BYTES[byte] for byte in data]
    return [_BYTES[ord(sign)] if sign.isascii() else _character(sign) for sign in data]


def _character(sign: str) -> str:
    if sign.isprintable() and not unicodedata.combining(sign):
        return sign
    return sign.encode("unicode_escape", "replace").decode("ascii")


def _width(text: str) -> int:
    """Columns of a fixed-width font; East Asian wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def _shortened(data: bytes | str, room: int, unit: str) -> str:
    prefix = "b'" if isinstance(data, bytes) else "'"
    cells = _cells(data[:room])
    length = sum(map(len, cells))
    while length > room:
        length -= len(cells.pop())
    text = prefix + "".join(cells) + "'"
    return text if len(cells) == len(data) else f"{text}... ({count(len(data), unit)})"


def _few(items: Any) -> list[Any]:
    return [item for _, item in zip(range(_ITEMS), items, strict=False)]


def _joined(shown: list[str], total: int) -> str:
    more = [f"... ({total:,} items)"] if total > len(shown) else []
    return ", ".join(shown + more)
