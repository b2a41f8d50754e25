"""Streams of HTTP/1.1, and how an answer, h11 and Tornado read them.

The exercises parser and chunked feed an answer streams, whole and in pieces, and compare the events
that it returns with those that are due. An event is a tuple, and its first item its kind. What is
said of h11 and Tornado is held against the two by tests/http1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from labsupport.checking.asserts import Mismatch, assert_equal, fail
from labsupport.checking.showing import show

__all__ = [
    "H11_TAKES",
    "REFUSED",
    "TAKEN",
    "TORNADO_TAKES",
    "assert_event",
    "beside",
    "cut_in_words",
    "every_cut",
]

TAKEN = "h11 and Tornado take it"
REFUSED = "h11 and Tornado refuse it"
H11_TAKES = "h11 takes it, Tornado refuses it"
TORNADO_TAKES = "h11 refuses it, Tornado takes it"
_AROUND = 24  # bytes on either side of a cut that feedback shows
_ROOM = 300  # characters of a stream that feedback shows


def every_cut(data: bytes) -> list[list[bytes]]:
    """The pieces of a stream that is cut in two, behind each byte, and then into single bytes."""
    cuts = [[data[:at], data[at:]] for at in range(1, len(data))]
    return [*cuts, [bytes([byte]) for byte in data]]


def cut_in_words(pieces: Sequence[bytes]) -> str:
    """How a stream was cut: words for one of `every_cut`, which only a failure has need of."""
    if len(pieces) != 2:
        return f"byte by byte: {show(b''.join(pieces), _ROOM)}"
    before, behind = pieces
    return f"cut behind byte {len(before)}: {show(before[-_AROUND:])} | {show(behind, _AROUND)}"


def assert_event(
    got: Any, due: Any, parts: Mapping[str, Sequence[str]], said: str, did: str
) -> None:
    """Fail the check unless both are the same event.

    Events of one kind are compared part by part, and the part that differs is named. parts: the
    names of the items of an event, for each kind.
    """
    if isinstance(got, tuple) and isinstance(due, tuple) and got and due:
        if got[0] != due[0]:
            fail(said, did, show(due), show(got))
        for part, came, wanted in zip(parts[due[0]], got, due, strict=False):
            assert_equal(came, wanted, f"{said}: the {part}", did)
    assert_equal(got, due, said, did)


@contextmanager
def beside(others: str, rule: str, takes: bool) -> Iterator[None]:
    """Add to what the block finds wrong what h11 and Tornado do with the stream, and why.

    others: one of the sentences above. rule: the section that decides. takes: whether the task
    does; where the three differ, feedback says whom it goes with.
    """
    try:
        yield
    except Mismatch as mismatch:
        said = others
        if others in (H11_TAKES, TORNADO_TAKES):
            said += f"; the task goes with {'h11' if takes == (others == H11_TAKES) else 'Tornado'}"
        elif takes != (others == TAKEN):
            said += "; the task goes with neither"
        mismatch.notes.append(f"{said}. {rule}." if rule else f"{said}.")
        raise
