"""From a schedule of pieces with which a check fails to a smaller one with which it fails as well.

A schedule is what `Draw.sizes` gave: how a stream was cut. A failure with eleven cuts, ten of which
do not matter, explains little. `smaller` proposes what to try instead, the simplest first: no cut
at all, one of the cuts alone, then all of them but one. Whoever runs the check keeps the first
proposal that fails in the same way, asks again, and stops when none does (a greedy form of delta
debugging: Zeller and Hildebrandt, 2002). Equal schedules give equal proposals, so that the same
seed is reduced to the same schedule again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

__all__ = ["Schedules", "in_words", "smaller"]

Schedules = tuple[tuple[int, ...], ...]


def smaller(schedules: Schedules) -> Iterator[Schedules]:
    """Schedules of the same totals with fewer pieces, the simplest first, each once."""
    seen = {schedules}
    for at, sizes in enumerate(schedules):
        for simpler in _simpler(sizes):
            proposal = (*schedules[:at], simpler, *schedules[at + 1 :])
            if proposal not in seen:
                seen.add(proposal)
                yield proposal


def in_words(schedules: Schedules) -> str:
    """The sizes of all pieces, in the order in which they were drawn."""
    return "; ".join(", ".join(map(str, sizes)) for sizes in schedules)


def _simpler(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    total = sum(sizes)
    cuts = [sum(sizes[:number]) for number in range(1, len(sizes))]
    if not cuts:
        return
    yield (total,)
    for cut in cuts:
        yield (cut, total - cut)
    for left_out in range(len(cuts)):
        kept = [0, *cuts[:left_out], *cuts[left_out + 1 :], total]
        yield tuple(end - start for start, end in pairwise(kept))
