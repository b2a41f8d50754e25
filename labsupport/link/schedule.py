"""Where each fault strikes: pure decisions, no socket and no clock.

On TCP every fault is a function of the byte offset in one direction of one connection:

1. `reset`, `truncate`, `half_close` end the direction once so many bytes have passed. Where two of
   them have the same offset, the first of this list acts.
2. `stall` holds every byte from its offset on, and the end of the stream too.
3. `merge` divides the stream into blocks of n bytes. A block leaves when it is complete, or when
   the stream ends, or as far as an offset of rule 1 or 2 that lies in it.
4. `cut` divides what leaves into pieces whose ends lie at fixed offsets, counted from offset 0, in
   causal order: the next piece leaves when the receiver has read the last one.
5. An offset of rule 1 or 2, or of `retransmit_delay`, inside a piece ends the piece there.
6. A piece leaves `delay` seconds after its last byte came, plus a part of `jitter` that is drawn
   anew for every 64 bytes of the stream (or for the 64 in which its cut piece begins). Order is
   kept, so a held byte holds all behind it.
7. A piece that begins at an offset of `retransmit_delay` leaves `rto` seconds later still.
8. `rate` spaces the pieces so that n bytes take n / rate seconds.
9. `corrupt` inverts one bit, chosen by the seed, of the byte at each of its offsets.

On UDP the same holds with the number of the datagram in place of the offset: see `fate`.

What a sender wrote in one call and what a relay happened to read in one call are not among the
inputs. `decide` is given how many bytes are waiting, but only how far it can see depends on that:
the same stream in other chunks has the same blocks, pieces, holds, flips and ends. One freedom is
left to the caller: a `partial` piece, which begins before more bytes of it have come.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Literal

from labsupport.link.faults import Chosen, TcpFaults, UdpFaults
from labsupport.trace import Direction

__all__ = ["Departures", "Dice", "End", "Fate", "Hold", "Piece", "Step", "decide", "fate"]

_JITTER_BLOCK = 64
_PACES_PER_SECOND = 50  # `rate` hands out bytes in slices of a fiftieth of a second
_LONGEST_CATCH_UP = 0.1


class Dice:
    """Draws that depend only on the seed, the connection, the direction and a number."""

    def __init__(self, seed: int | str, connection: int, direction: Direction) -> None:
        self._prefix = f"{seed}/{connection}/{direction}"

    def fraction(self, what: str, number: int) -> float:
        """A number in [0, 1) for this fault at this offset or datagram."""
        text = f"{self._prefix}/{what}/{number}".encode()
        drawn = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
        return drawn / 2**64

    def bit(self, number: int) -> int:
        """Which bit (0 to 7) is inverted at this offset."""
        return int(self.fraction("bit", number) * 8)


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that leave together.

    length: how many bytes, from the offset on.
    hold: seconds after the last of them came; no earlier than the piece before.
    late: seconds on top of that, and on top of the piece before (a modelled retransmission).
    pace: seconds that these bytes occupy the cable.
    causal: whether the receiver must have read everything before.
    partial: whether the piece of `cut` goes on, but no more of it has come yet.
    flips: which bytes (counted from the piece's first) get which bit inverted.
    """

    length: int
    hold: float = 0.0
    late: float = 0.0
    pace: float = 0.0
    causal: bool = False
    partial: bool = False
    flips: tuple[tuple[int, int], ...] = ()

    def applied(self, data: bytes) -> bytes:
        """The bytes with the flips done."""
        if not self.flips:
            return data
        changed = bytearray(data)
        for index, bit in self.flips:
            changed[index] ^= 1 << bit
        return bytes(changed)


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing leaves now. why: "input" (no byte is here), "merge" or "stall"."""

    why: Literal["input", "merge", "stall"]


@dataclass(frozen=True, slots=True)
class End:
    """The direction ends here. how: "eof" is the sender's own end, the others are faults."""

    how: Literal["eof", "half_close", "truncate", "reset"]


Step = Piece | Hold | End


def decide(faults: TcpFaults, dice: Dice, offset: int, available: int, *, ended: bool) -> Step:
    """What happens to the byte at this offset of a TCP direction, and to those that go with it.

    offset: how many bytes have left before.
    available: how many bytes are waiting from there on.
    ended: whether the sender's end of stream lies right behind them.
    """
    if faults.reset is not None and offset >= faults.reset:
        return End("reset")
    if faults.truncate is not None and offset >= faults.truncate:
        return End("truncate")
    if faults.half_close is not None and offset >= faults.half_close:
        return End("half_close")
    if faults.stall is not None and offset >= faults.stall:
        return Hold("stall")
    if not available:
        return End("eof") if ended else Hold("input")

    seen = offset + available
    walls = [faults.reset, faults.truncate, faults.half_close, faults.stall]
    forced = [each for each in walls if each is not None]  # each ends a piece, come what may
    if faults.merge is not None:
        forced.append(offset - offset % faults.merge + faults.merge)
        if seen < min(forced) and not ended:
            return Hold("merge")
    forced += [each for each in faults.retransmit_delay if each > offset]

    anchor, partial = offset, False
    if faults.cut:
        anchor, end = faults.piece_around(offset)
        forced.append(end)
        partial = seen < min(forced) and not ended
    else:
        if faults.jitter:
            forced.append(offset - offset % _JITTER_BLOCK + _JITTER_BLOCK)
        if faults.rate is not None:
            portion = max(1, int(faults.rate / _PACES_PER_SECOND))
            forced.append(offset - offset % portion + portion)
    stop = min([seen, *forced])
    hold = faults.delay
    if faults.jitter:
        hold += faults.jitter * dice.fraction("jitter", anchor // _JITTER_BLOCK)
    return Piece(
        length=stop - offset,
        hold=hold,
        late=faults.rto if offset in faults.retransmit_delay else 0.0,
        pace=(stop - offset) / faults.rate if faults.rate is not None else 0.0,
        causal=bool(faults.cut),
        partial=partial,
        flips=tuple(
            (each - offset, dice.bit(each)) for each in faults.corrupt if offset <= each < stop
        ),
    )


class Departures:
    """When the pieces of one direction may leave: rules 6 to 8, on any clock in seconds."""

    def __init__(self) -> None:
        self._last = -math.inf

    def due(self, piece: Piece, arrived: float) -> float:
        """When a piece whose last byte came at `arrived` may leave."""
        return max(self._last, arrived + piece.hold) + piece.late + piece.pace

    def left(self, due: float, at: float) -> None:
        """Note that a piece which was due at `due` left at `at`.

        The next one is spaced from when this one was due, so that small delays of the machine do
        not add up; not so when the receiver kept it waiting for long.
        """
        self._last = max(due, at - _LONGEST_CATCH_UP)


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one datagram.

    copies: 0 (lost), 1, or 2 (duplicated).
    hold: seconds after it came; a later datagram with a shorter hold overtakes it.
    swapped: whether it waits until the next datagram has left.
    data: its bytes as they leave.
    what: the faults that struck it, in words.
    """

    copies: int
    hold: float
    swapped: bool
    data: bytes
    what: tuple[str, ...]


def fate(faults: UdpFaults, dice: Dice, number: int, data: bytes) -> Fate:
    """What happens to the datagram with this number (from 0) in one direction.

    A datagram that is lost suffers nothing else. Otherwise it is shortened first, then one bit is
    inverted, then it is copied, held and swapped.
    """

    def struck(name: str, chosen: Chosen) -> bool:
        if isinstance(chosen, frozenset):
            return number in chosen
        return dice.fraction(name, number) < chosen

    if struck("lose", faults.lose):
        return Fate(0, 0.0, False, data, ("lost",))
    what = []
    if faults.truncate is not None and len(data) > faults.truncate:
        what.append(f"truncated from {len(data)} to {faults.truncate} bytes")
        data = data[: faults.truncate]
    if data and struck("corrupt", faults.corrupt):
        at = int(dice.fraction("corrupt byte", number) * len(data))
        bit = dice.bit(number)
        data = data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
        what.append(f"corrupted: bit {bit} of byte {at}")
    copies = 2 if struck("duplicate", faults.duplicate) else 1
    if copies == 2:
        what.append("duplicated")
    swapped = struck("reorder", faults.reorder)
    if swapped:
        what.append("swapped with the next")
    hold = faults.delay
    if faults.jitter:
        hold += faults.jitter * dice.fraction("jitter", number)
    return Fate(copies, hold, swapped, data, tuple(what))
