"""Plain data between the judge and a host: bounded frames, never pickle.

A frame is two lengths (unsigned 32-bit, big-endian), then that many bytes of JSON, then that many
bytes of blobs. The JSON is tagged, so that what Python can tell apart stays apart:

    None, bool, float, int up to 64 bits, short str    as they are
    list                                               a JSON list
    everything else                                    an object with one key, its tag:
    {"t": [...]} tuple, {"d": [[key, value], ...]} dict, {"u": [...]} set, {"f": [...]} frozenset
    {"b": n} the next n bytes of the blobs    {"s": n} the next n bytes of the blobs, as UTF-8
    {"i": "0x..."} a large int    {"r": [...]} a reference to something that stays where it is

Subclasses of these types (an IntEnum, a named tuple) go over as their base. Anything else is
refused with `NotPlain`, which says where in the value it was found. What comes from a host was
made by somebody's program: `unpack` checks sizes, depth, tags and types, and raises `BadFrame`.

The host runs this module too, in the learner's process: it imports the standard library only.
"""

from __future__ import annotations

import json
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any

__all__ = ["HEADER", "MAX_BLOBS", "MAX_JSON", "BadFrame", "NotPlain", "pack", "sizes", "unpack"]

HEADER = struct.Struct("!II")
MAX_JSON = 1024 * 1024
MAX_BLOBS = 128 * 1024 * 1024

_MAX_DEPTH = 50
_MAX_KEYS = 10_000  # of a set or dict
_SAME_HASH = 64  # keys of one that may have the same hash; comparing them costs quadratic time
_MAX_BITS = 14_000  # of an int; one that is longer than 4,300 digits cannot be printed
_SHORT = 256

Refer = Callable[[Any], list[Any] | None]
Resolve = Callable[[list[Any]], Any]


class NotPlain(TypeError):
    """A value that cannot cross: says which and where in the value it was found."""

    def __init__(self, value: Any, where: str, why: str = "") -> None:
        self.kind = type(value).__name__
        self.where = where
        self.why = why
        super().__init__(f"{self.kind}{where}{why}")


class BadFrame(Exception):
    """The other side sent something that is not a frame of plain data."""


def pack(value: Any, *, refer: Refer | None = None, lenient: bool = False) -> bytes:
    """A value as one frame.

    refer: turns something that stays on this side into a reference, a list of plain data, or
        returns None. lenient: a bytearray or memoryview goes over as bytes.
    Raises NotPlain when it holds anything else than plain data, or is too large.
    """
    blobs: list[bytes] = []
    tree = _tag(value, blobs, refer, lenient, "", 0)
    text = json.dumps(tree, separators=(",", ":")).encode("ascii")
    size = sum(map(len, blobs))
    if len(text) > MAX_JSON or size > MAX_BLOBS:
        raise NotPlain(
            value, "", f" of {len(text) + size:,} bytes; at most {MAX_BLOBS:,} bytes can cross"
        )
    return b"".join((HEADER.pack(len(text), size), text, *blobs))


def sizes(header: bytes | bytearray) -> tuple[int, int]:
    """The lengths of JSON and blobs that a frame's first 8 bytes announce.

    Raises BadFrame when they are beyond MAX_JSON and MAX_BLOBS.
    """
    text, blobs = HEADER.unpack(header)
    if text > MAX_JSON or blobs > MAX_BLOBS:
        raise BadFrame(f"a frame of {text:,} and {blobs:,} bytes is too large")
    return text, blobs


def unpack(
    text: bytes | bytearray, blobs: bytes | bytearray, *, resolve: Resolve | None = None
) -> Any:
    """The value in a frame whose header was read. Raises BadFrame."""
    try:
        tree = json.loads(text)
        reader = _Reader(blobs, resolve)
        value = reader.value(tree, 0)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadFrame(f"a frame that is not plain data: {error}") from error
    if reader.at != len(blobs):
        raise BadFrame(f"a frame with {len(blobs) - reader.at} bytes too many")
    return value


def _tag(
    value: Any, blobs: list[bytes], refer: Refer | None, lenient: bool, where: str, depth: int
) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if refer is not None and (reference := refer(value)) is not None:
        return {"r": reference}
    if depth > _MAX_DEPTH:
        raise NotPlain(value, where, f", nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, int):
        number = int.__int__(value)
        if (bits := number.bit_length()) > _MAX_BITS:
            raise NotPlain(value, where, f" of {bits:,} bits; at most {_MAX_BITS:,} can cross")
        return number if number.bit_length() < 64 else {"i": hex(number)}
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, str):
        text = str.__str__(value)
        raw = text.encode("utf-8", "surrogatepass")
        if len(raw) <= _SHORT:
            return text
        blobs.append(raw)
        return {"s": len(raw)}
    if lenient and isinstance(value, bytearray | memoryview):
        value = bytes(value)
    if isinstance(value, bytes):
        raw = bytes.__bytes__(value)
        blobs.append(raw)
        return {"b": len(raw)}

    def inner(item: Any, place: str) -> Any:
        return _tag(item, blobs, refer, lenient, where + place, depth + 1)

    if isinstance(value, list):
        return [inner(item, f"[{at}]") for at, item in enumerate(list.__iter__(value))]
    if isinstance(value, tuple):
        return {"t": [inner(item, f"[{at}]") for at, item in enumerate(tuple.__iter__(value))]}
    if isinstance(value, dict | set | frozenset) and len(value) > _MAX_KEYS:
        raise NotPlain(value, where, f" with {len(value):,} entries; {_MAX_KEYS:,} can cross")
    if isinstance(value, dict):
        pairs = dict.items(value)
        return {"d": [[inner(key, " (a key)"), inner(item, f"[{key!r}]")] for key, item in pairs]}
    if isinstance(value, set | frozenset):
        tag = "u" if isinstance(value, set) else "f"
        return {tag: [inner(item, " (an element)") for item in value]}
    raise NotPlain(value, where)


class _Reader:
    """Takes a tree of tags apart; `at` is how far the blobs were used."""

    def __init__(self, blobs: bytes | bytearray, resolve: Resolve | None) -> None:
        self.blobs = memoryview(blobs)
        self.resolve = resolve
        self.at = 0

    def value(self, tree: Any, depth: int) -> Any:
        if depth > 2 * _MAX_DEPTH:
            raise ValueError("nested too deeply")
        if isinstance(tree, list):
            return [self.value(item, depth + 1) for item in tree]
        if not isinstance(tree, dict):
            return tree
        ((tag, inside),) = tree.items()
        if tag == "b":
            return bytes(self.take(inside))
        if tag == "s":
            return str(self.take(inside), "utf-8", "surrogatepass")
        if tag == "i":
            if len(_expect(inside, str)) > _MAX_BITS // 4 + 3:
                raise ValueError("a number that is too long")
            return int(inside, 16)
        if tag == "r":
            if self.resolve is None:
                raise ValueError("a reference where none can be")
            return self.resolve(_expect(inside, list))
        items = [self.value(item, depth + 1) for item in _expect(inside, list)]
        if tag == "t":
            return tuple(items)
        if len(items) > _MAX_KEYS:
            raise ValueError(f"more than {_MAX_KEYS} entries")
        if tag == "d":
            _must_spread([key for key, _ in items])
            return dict(items)
        if tag == "u":
            _must_spread(items)
            return set(items)
        if tag == "f":
            _must_spread(items)
            return frozenset(items)
        raise ValueError(f"the tag {tag!r}")

    def take(self, size: Any) -> memoryview:
        size = _expect(size, int)
        if not 0 <= size <= len(self.blobs) - self.at:
            raise ValueError("more bytes than there are")
        self.at += size
        return self.blobs[self.at - size : self.at]


def _must_spread(keys: list[Any]) -> None:
    """Refuse keys that were chosen to have the same hash."""
    if len(keys) > _SAME_HASH and max(Counter(map(hash, keys)).values()) > _SAME_HASH:
        raise ValueError("keys with the same hash")


def _expect(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} instead of {kind.__name__}")
    return value
