"""Which answers are alike beyond what the task gives to everybody: fingerprints by winnowing.

Theory of operation. Every K tokens in a row make a hash. Of each WINDOW hashes in a row the
smallest is kept, of equals the rightmost: these are the fingerprints. Of a run of SHORTEST tokens
that two answers share, both keep the same fingerprint; a run of fewer than K is never seen
(Schleimer, Wilkerson, Aiken: Winnowing, SIGMOD 2003, section 3).

What the task shows to everybody is ignored, and so are fingerprints of more than a third of the
authors, where there are CLASS or more: the task leads to these. `Pair.share` is how many of the
smaller answer's other fingerprints the larger one has too, so that padding does not lower it.

A pair is listed from LISTED on, with LEAST fingerprints in common. Measured over the bank of right
answers (tests/answers), without two exercises whose answers were written from one another: of two
answers half share 1 % or less, and the most is 21 %. Of an answer and its copy with other names,
texts and order of functions, half share 92 % or more, and the least is 50 %. One such copy in
fifteen, of an answer of a few lines, has fewer than LEAST in common and is not found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from labsupport.grading.tokens import Token

__all__ = [
    "CLASS",
    "LEAST",
    "LISTED",
    "SHORTEST",
    "Pair",
    "Prints",
    "Stretch",
    "alike",
    "common",
    "hashes",
    "stretches",
    "winnowed",
]

K = 10
WINDOW = 4
SHORTEST = WINDOW + K - 1
"""Tokens of a common run that is always found: a line, or two."""
CLASS = 10
LEAST = 8
LISTED = 0.3

_FOLLOWED = 8  # places of one hash in an answer that stretches are looked for from


@dataclass(frozen=True, slots=True)
class Prints:
    """An answer's fingerprints. author: whose answers are not compared with each other."""

    author: str
    kept: frozenset[int]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers, by their places. shared: fingerprints in both; sizes: those of each that are
    not ignored."""

    first: int
    second: int
    shared: int
    sizes: tuple[int, int]

    @property
    def share(self) -> float:
        """The containment of the smaller in the larger: shared of the smaller's fingerprints."""
        return self.shared / min(self.sizes)

    @property
    def jaccard(self) -> float:
        """Shared of all fingerprints of both."""
        return self.shared / (sum(self.sizes) - self.shared)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of tokens that two answers share. first, second: where it begins in each."""

    first: int
    second: int
    tokens: int


def hashes(tokens: Sequence[Token]) -> list[int]:
    """The hash of every K tokens in a row, the same in every process."""
    texts = [token.text for token in tokens]
    return [
        int.from_bytes(blake2b("\0".join(texts[at : at + K]).encode(), digest_size=8).digest())
        for at in range(len(texts) - K + 1)
    ]


def winnowed(values: Sequence[int]) -> list[int]:
    """The places of the fingerprints among hashes, in their order.

    Of fewer hashes than a window has, the smallest is one.
    """
    places: list[int] = []
    for begin in range(max(len(values) - WINDOW, 0) + 1 if values else 0):
        end = min(begin + WINDOW, len(values))
        if places and places[-1] >= begin:  # the last one is still inside: only what is new counts
            if values[end - 1] <= values[places[-1]]:
                places.append(end - 1)
        else:
            places.append(min(range(begin, end), key=lambda at: (values[at], -at)))
    return places


def common(prints: Iterable[Prints]) -> frozenset[int]:
    """The fingerprints of more than a third of the authors; none where there are too few."""
    kept: defaultdict[str, set[int]] = defaultdict(set)
    for each in prints:
        kept[each.author] |= each.kept
    if len(kept) < CLASS:
        return frozenset()
    authors = Counter(value for values in kept.values() for value in values)
    return frozenset(value for value, number in authors.items() if 3 * number > len(kept))


def alike(prints: Sequence[Prints], ignored: frozenset[int]) -> Iterator[Pair]:
    """The pairs of answers of different authors with enough in common, in no order.

    ignored: hashes that count for nothing. An answer meets only those that share a fingerprint.
    """
    holders: defaultdict[int, list[int]] = defaultdict(list)
    sizes: list[int] = []
    for number, each in enumerate(prints):
        own = each.kept - ignored
        sizes.append(len(own))
        met: Counter[int] = Counter()
        for value in own:
            met.update(holders[value])
            holders[value].append(number)
        for other, shared in met.items():
            pair = Pair(other, number, shared, (sizes[other], sizes[number]))
            if shared >= LEAST and pair.share >= LISTED and prints[other].author != each.author:
                yield pair


def stretches(
    first: Sequence[int], second: Sequence[int], ignored: frozenset[int]
) -> list[Stretch]:
    """The runs that two answers share, the longest first; no token is in two of them.

    first, second: their hashes. A run has no hash that is ignored.
    """
    taken: list[Stretch] = []
    seen_first, seen_second = bytearray(len(first) + K), bytearray(len(second) + K)
    for begin, other, number in sorted(_runs(first, second, ignored), key=lambda run: -run[2]):
        longest, since = (0, 0), 0
        for step in range(number):
            if _touches(seen_first, begin + step) or _touches(seen_second, other + step):
                since = step + 1
            longest = max(longest, (step + 1 - since, -since))
        free, since = longest[0], -longest[1]
        if free:
            size = free + K - 1
            taken.append(Stretch(begin + since, other + since, size))
            for seen, at in ((seen_first, begin + since), (seen_second, other + since)):
                seen[at : at + size] = b"\1" * size
    return sorted(taken, key=lambda each: (-each.tokens, each.first))


def _runs(
    first: Sequence[int], second: Sequence[int], ignored: frozenset[int]
) -> Iterator[tuple[int, int, int]]:
    """Where hashes in a row are the same: the places of the first, and how many."""
    places: defaultdict[int, list[int]] = defaultdict(list)
    for at, value in enumerate(second):
        if value not in ignored and len(places[value]) < _FOLLOWED:
            places[value].append(at)
    growing: dict[int, int] = {}  # runs up to the place before, by where they end in `second`
    for at in range(len(first) + 1):
        there = places.get(first[at], ()) if at < len(first) else ()
        grown = {other: growing.pop(other - 1, 0) + 1 for other in there}
        for end, number in growing.items():
            yield at - number, end + 1 - number, number
        growing = grown


def _touches(seen: bytearray, at: int) -> bool:
    """Whether a token of the hash at a place is in a stretch already."""
    return seen.find(1, at, at + K) >= 0
