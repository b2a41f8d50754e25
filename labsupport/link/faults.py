"""Which faults there are and which values they take: validation, with errors for learners.

A set of faults is immutable. `changed` gives another one, so that a running relay swaps a whole set
at once. What the values do is decided in `labsupport.link.schedule`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import accumulate
from typing import Any

from labsupport.trace import Direction

__all__ = [
    "DIRECTIONS",
    "LARGEST_BLOCK",
    "Chosen",
    "FaultError",
    "NotOnThisTransport",
    "TcpFaults",
    "UdpFaults",
]

DIRECTIONS: tuple[Direction, ...] = ("to_server", "to_client")
LARGEST_BLOCK = 1024 * 1024
"""Bytes that a piece of `cut` or a block of `merge` may have."""


class FaultError(ValueError):
    """A fault that does not exist, or a value that it cannot have."""


class NotOnThisTransport(FaultError):
    """A fault that this transport cannot have; the message says why and what to use instead."""


# -- values


def _seconds(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FaultError(f"{name}={value!r}: give seconds as a number, for example {name}=0.05")
    if not (math.isfinite(value) and value >= 0):
        raise FaultError(f"{name}={value!r}: seconds are 0 or more and finite")
    return float(value)


def _rate(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FaultError(f"{name}={value!r}: give bytes per second, for example {name}=100_000")
    if not (math.isfinite(value) and value > 0):
        raise FaultError(
            f"{name}={value!r}: bytes per second are more than 0; to stop the bytes use stall=0"
        )
    return float(value)


def _offset(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise FaultError(
            f"{name}={value!r}: give an offset in bytes from the start of the direction, "
            f"a whole number such as {name}=10"
        )
    if value < 0:
        raise FaultError(f"{name}={value!r}: an offset counts from 0, the first byte")
    return value


def _offsets(name: str, value: Any) -> tuple[int, ...]:
    several = value if isinstance(value, tuple | list | range | set | frozenset) else (value,)
    return tuple(sorted({_offset(name, each) for each in several}))


def _size(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise FaultError(f"{name}={value!r}: give a whole number of bytes, for example {name}=4")
    if value < 1:
        raise FaultError(f"{name}={value!r}: it holds at least 1 byte")
    if value > LARGEST_BLOCK:
        raise FaultError(f"{name}={value!r}: a link holds at most {LARGEST_BLOCK:,} bytes together")
    return value


def _cut(name: str, value: Any) -> tuple[int, ...]:
    sizes = tuple(value) if isinstance(value, tuple | list | range) else (value,)
    if not sizes:
        raise FaultError(
            f"{name}={value!r}: give the size of a piece, for example cut=1, or sizes that are "
            "used in turn, for example cut=(3, 1, 5)"
        )
    return tuple(_size(name, each) for each in sizes)


def _datagram_size(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise FaultError(
            f"{name}={value!r}: on UDP this is the number of bytes that are left of a datagram, "
            f"0 or more, for example {name}=8"
        )
    return value


Chosen = float | frozenset[int]
"""Which datagrams: a probability for each, or their numbers from 0."""


def _chosen(name: str, value: Any) -> Chosen:
    if isinstance(value, float) and 0.0 <= value <= 1.0:
        return value
    if isinstance(value, tuple | list | range | set | frozenset):
        numbers = list(value)
        if all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in numbers):
            return frozenset(numbers)
    raise FaultError(
        f"{name}={value!r}: give a probability from 0.0 to 1.0 for each datagram, or the numbers "
        f"of the datagrams, from 0, for example {name}=0.1 or {name}=(0, 3)"
    )


# -- sets of faults


@dataclass(frozen=True, slots=True)
class _Faults:
    """What both transports share: `given` holds the values as the caller wrote them."""

    given: Mapping[str, Any] = field(default_factory=dict, compare=False)
    delay: float = 0.0
    jitter: float = 0.0

    def changed(self, **settings: Any) -> Any:
        """The same faults with these values; None clears a fault.

        Raises FaultError for an unknown name or a bad value, NotOnThisTransport with the reason.
        """
        defaults = type(self)()
        given = dict(self.given)
        values: dict[str, Any] = {}
        for name, value in settings.items():
            self._known(name)
            if value is None:
                given.pop(name, None)
                values[name] = getattr(defaults, name)
            else:
                values[name] = self._rules()[name](name, value)
                given[name] = value
        return replace(self, given=given, **values)

    def __str__(self) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in self.given.items())

    @property
    def harmless(self) -> bool:
        """Whether nothing is set, so that bytes pass as they come."""
        return not self.given

    @classmethod
    def _rules(cls) -> Mapping[str, Callable[[str, Any], Any]]:
        raise NotImplementedError

    @classmethod
    def _elsewhere(cls) -> Mapping[str, str]:
        raise NotImplementedError

    def _known(self, name: str) -> None:
        if name in self._elsewhere():
            raise NotOnThisTransport(f"{name}: {self._elsewhere()[name]}")
        if name not in self._rules():
            names = ", ".join(each.name for each in fields(self) if each.name != "given")
            raise FaultError(f"there is no fault named {name!r}; there are: {names}")


_A_RELAY = (
    "a relay of TCP connections cannot {0} a segment, only bytes, because each side's TCP has "
    "already acknowledged and ordered them; "
)


@dataclass(frozen=True, slots=True)
class TcpFaults(_Faults):
    """The faults of one direction of a TCP link; made by `TcpFaults().changed(...)`."""

    rate: float | None = None
    cut: tuple[int, ...] = ()
    merge: int | None = None
    stall: int | None = None
    truncate: int | None = None
    corrupt: tuple[int, ...] = ()
    half_close: int | None = None
    reset: int | None = None
    retransmit_delay: tuple[int, ...] = ()
    rto: float = 0.2

    @classmethod
    def _rules(cls) -> Mapping[str, Callable[[str, Any], Any]]:
        return {
            "delay": _seconds,
            "jitter": _seconds,
            "rate": _rate,
            "cut": _cut,
            "merge": _size,
            "stall": _offset,
            "truncate": _offset,
            "corrupt": _offsets,
            "half_close": _offset,
            "reset": _offset,
            "retransmit_delay": _offsets,
            "rto": _seconds,
        }

    @classmethod
    def _elsewhere(cls) -> Mapping[str, str]:
        return {
            "lose": _A_RELAY.format("lose")
            + "use retransmit_delay=offset to hold bytes back as a lost segment would, "
            'or transport="udp" to lose datagrams',
            "duplicate": _A_RELAY.format("duplicate")
            + "TCP hides duplicates from its users anyway; "
            'use transport="udp" to duplicate datagrams',
            "reorder": _A_RELAY.format("reorder")
            + "use retransmit_delay=offset to hold bytes back as a late segment would, "
            'or transport="udp" to reorder datagrams',
        }

    def piece_around(self, offset: int) -> tuple[int, int]:
        """Where the piece of `cut` that holds the byte at this offset begins and ends."""
        whole = sum(self.cut)
        begin = offset - offset % whole
        for end in accumulate(self.cut, initial=begin):
            if end > offset:
                return begin, end
            begin = end
        raise AssertionError("the sizes add up to their sum")


@dataclass(frozen=True, slots=True)
class UdpFaults(_Faults):
    """The faults of one direction of a UDP link; made by `UdpFaults().changed(...)`."""

    lose: Chosen = 0.0
    duplicate: Chosen = 0.0
    reorder: Chosen = 0.0
    truncate: int | None = None
    corrupt: Chosen = 0.0

    @classmethod
    def _rules(cls) -> Mapping[str, Callable[[str, Any], Any]]:
        return {
            "delay": _seconds,
            "jitter": _seconds,
            "lose": _chosen,
            "duplicate": _chosen,
            "reorder": _chosen,
            "truncate": _datagram_size,
            "corrupt": _chosen,
        }

    @classmethod
    def _elsewhere(cls) -> Mapping[str, str]:
        stream = "UDP carries datagrams, not a stream of bytes; "
        connection = "UDP has no connection that could end; "
        return {
            "cut": stream + "a datagram is never delivered in pieces; use truncate=n to shorten it",
            "merge": stream + "two datagrams are never delivered as one",
            "rate": stream + "use delay and lose to model a narrow path",
            "stall": connection + "use lose=1.0 to let nothing through",
            "half_close": connection + "use lose=1.0 in one direction",
            "reset": connection + "use lose=1.0 to let nothing through",
            "retransmit_delay": "UDP retransmits nothing; use lose or delay",
            "rto": "UDP retransmits nothing; use lose or delay",
        }
