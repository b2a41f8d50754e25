"""A check's source of data: drawn at random, and the same again from the same seed.

`seed_for` derives the usual seed of a check from its name, so that a learner meets the same data
until somebody asks for another seed. Everything goes through `random.Random(seed)`, whose sequence
for a given int is the same on every platform and supported version of Python.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

from labsupport.checking.reducing import Schedules

__all__ = ["Draw", "seed_for"]

T = TypeVar("T")

# One, two, three and four bytes in UTF-8, so that a text of any length has all of them.
_ALPHABETS = ("abcdefghijklmnopqrstuvwxyz0123456789 ", "äéñøßΩжש", "€→語名한ก", "🐍🌍𝄞🛰")
_CONSONANTS, _VOWELS = "bdfgklmnprst", "aeiou"


def seed_for(slug: str, check: str) -> int:
    """The seed of a check when none is given: six digits made from both names by SHA-256."""
    digest = hashlib.sha256(f"{slug}\0{check}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 1_000_000


class Draw:
    """Data drawn from one seed.

    seed: any int; two sources with one seed give the same data when asked the same questions.
    instead: what `sizes` gives in the place of what it draws, call by call, where the total fits.

    Afterwards `schedules` holds what `sizes` gave.
    """

    def __init__(self, seed: int, instead: Schedules = ()) -> None:
        self.seed = seed
        self.schedules: Schedules = ()
        self._instead = instead
        self._random = random.Random(seed)

    def __repr__(self) -> str:
        return f"Draw({self.seed})"

    def bytes(self, n: int) -> bytes:
        """n random bytes."""
        return self._random.randbytes(n)

    def text(self, n: int) -> str:
        """n characters that take 1 to 4 bytes each in UTF-8; no line ends, no white space at ends.

        From four characters on all four lengths occur.
        """
        kinds = [index % len(_ALPHABETS) for index in range(n)]
        self._shuffle(kinds)
        letters = [self.choice(_ALPHABETS[kind]) for kind in kinds]
        for end in (0, -1):
            if letters and letters[end] == " ":
                letters[end] = "x"
        return "".join(letters)

    def word(self) -> str:
        """A short lower-case ASCII word that can be pronounced."""
        syllables = range(self.integer(2, 4))
        return "".join(self.choice(_CONSONANTS) + self.choice(_VOWELS) for _ in syllables)

    def integer(self, a: int, b: int) -> int:
        """A whole number from a to b, both included."""
        return self._random.randint(a, b)

    def choice(self, seq: Sequence[T]) -> T:
        """One item of a sequence that is not empty."""
        return seq[self._random.randrange(len(seq))]

    def sizes(self, total: int, largest: int) -> list[int]:
        """Sizes from 1 to `largest` that add up to `total`.

        When a check fails, it is run again with fewer and larger sizes, to show the simplest
        schedule that fails: see `reducing`.
        """
        if total < 0 or largest < 1:
            raise ValueError(f"sizes needs total >= 0 and largest >= 1, got {total} and {largest}")
        sizes: list[int] = []
        while (left := total - sum(sizes)) > 0:
            sizes.append(self.integer(1, min(largest, left)))
        place = len(self.schedules)
        if place < len(self._instead) and sum(self._instead[place]) == total:
            sizes = list(self._instead[place])
        self.schedules += (tuple(sizes),)
        return sizes

    def _shuffle(self, items: list[int]) -> None:
        for last in range(len(items) - 1, 0, -1):
            other = self.integer(0, last)
            items[last], items[other] = items[other], items[last]
