"""`labsupport similar`: of what a class handed in, the pairs of answers that are alike.

Answers are compared exercise by exercise; what is kept of each pair is small, and of all pairs the
most alike are. So memory grows with what was handed in, and not with the number of pairs.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from labsupport.checking import InputError, find_exercise
from labsupport.checking.showing import clean, count
from labsupport.grading.files import Refused, files_in
from labsupport.grading.gradebook import tasks
from labsupport.grading.handed import Handed, handed_in, submitted
from labsupport.grading.pages import Likeness, Side, write_similar
from labsupport.grading.similarity import (
    LEAST,
    Pair,
    Prints,
    alike,
    common,
    hashes,
    stretches,
    winnowed,
)
from labsupport.grading.tokens import Token, UnreadableError, lines_of, tokens
from labsupport.marking import say_refused, with_steps
from labsupport.progress import say, screen
from labsupport.terminal import near

__all__ = ["given", "similar"]

_SHOWN = 50  # pairs
_WARN = "yellow"
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Found:
    """A pair of answers; ignored: the hashes that count for nothing in their exercise."""

    one: Handed
    other: Handed
    pair: Pair
    ignored: frozenset[int]

    def rank(self) -> tuple[float, float, int]:
        return self.pair.share, self.pair.jaccard, self.pair.shared


@dataclass(slots=True)
class _Comparison:
    """The answers by slug, and what was counted on the way."""

    root: Path
    answers: dict[str, list[Handed]]
    unread: list[str]
    compared: int = 0
    short: int = 0
    pairs: int = 0

    def found(self) -> Iterator[_Found]:
        """All pairs that are to be listed."""
        for slug, answers in self.answers.items():
            readable, prints = [], []
            for each in answers:
                try:
                    prints.append(Prints(each.student, _kept(_source(each))))
                except UnreadableError as error:
                    why = f"cannot be read as Python ({error})"
                    self.unread.append(clean(f"{each.path}, {slug}: it {why}."))
                else:
                    readable.append(each)
            ignored = given(self.root, slug) | common(prints)
            self.compared += len(prints)
            self.short += sum(len(each.kept - ignored) < LEAST for each in prints)
            for pair in alike(prints, ignored):
                self.pairs += 1
                yield _Found(readable[pair.first], readable[pair.second], pair, ignored)


def similar(root: Path, submissions: Path, exercises: tuple[str, ...], into: Path) -> None:
    """Write the page similar.html into a folder, and say a line for each pair of it.

    exercises: slugs, with their steps; without any, all that was handed in. Raises InputError and
    EngineError.
    """
    console = screen()
    known = tasks(root, hidden=False)
    wanted = with_steps(root, exercises, known) or set(known)
    answers: defaultdict[str, dict[tuple[str, str], Handed]] = defaultdict(dict)
    refused: list[Refused] = []
    unread: list[str] = []
    for each in handed_in(files_in(submitted(submissions)), known):
        if isinstance(each, Refused):
            refused.append(each)
        elif isinstance(each, Handed) and each.slug in wanted:
            if each.answer is None:
                unread.append(clean(f"{each.path}, {each.slug}: {each.problem}"))
            else:
                answers[each.slug].setdefault((each.student, each.answer.source), each)
    say_refused(refused, console)
    if not answers and not unread:
        raise InputError(
            f"{submissions} holds no answer to compare. Give the folder that has a folder for each "
            "student, with notebooks or Python files in them."
        )
    by_slug = {
        slug: sorted(answers[slug].values(), key=lambda each: (each.student, each.path))
        for slug in known
        if slug in answers
    }
    comparison = _Comparison(root, by_slug, unread)
    best = heapq.nlargest(_SHOWN, comparison.found(), key=_Found.rank)
    pairs = [_likeness(each) for each in best]
    for problem in unread:
        say(console, f"Not compared: {problem}", _WARN)
    for shown in pairs:
        say(console, _line(shown))
    others = comparison.pairs - len(pairs)
    if others:
        say(console, f"{count(others, 'pair')} more, less alike.")
    say(
        console,
        f"{count(comparison.compared, 'answer')} compared, {comparison.short} of them too short.",
    )
    try:
        page = write_similar(
            into,
            pairs,
            others=others,
            compared=comparison.compared,
            short=comparison.short,
            unread=unread,
        )
    except OSError as error:
        raise InputError(f"{into / 'similar.html'} cannot be written: {error.strerror}.") from error
    say(console, f"Pairs to look at, and no verdicts: {near(page)}")


def _source(handed: Handed) -> str:
    assert handed.answer is not None
    return handed.answer.source


def _kept(source: str) -> frozenset[int]:
    values = hashes(tokens(source))
    return frozenset(values[place] for place in winnowed(values))


def given(root: Path, slug: str) -> frozenset[int]:
    """The hashes of all code that an exercise's notebook shows, answer cells included."""
    folder = find_exercise(root, slug)
    path = folder / f"{slug.partition('.')[0]}.ipynb"
    if not path.is_file():
        return frozenset()
    found: set[int] = set()
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        for code in [_plain(text)] if cell["cell_type"] == "code" else _PYTHON.findall(text):
            with contextlib.suppress(UnreadableError):  # lines that the learner has to arrange
                found.update(hashes(tokens(code)))
    return frozenset(found)


def _plain(cell: str) -> str:
    """A cell without the commands of the notebook."""
    return "\n".join("" if line[:1] in ("%", "!") else line for line in cell.split("\n"))


def _likeness(found: _Found) -> Likeness:
    """A pair with what is shown of it."""
    rows = [tokens(_source(each)) for each in (found.one, found.other)]
    shared = stretches(hashes(rows[0]), hashes(rows[1]), found.ignored)
    first = _side(found.one, rows[0], [(each.first, each.tokens) for each in shared])
    second = _side(found.other, rows[1], [(each.second, each.tokens) for each in shared])
    longest = sum(number == 1 for number, _ in first.lines), shared[0].tokens
    return Likeness(found.one.slug, found.pair, (first, second), longest)


def _side(handed: Handed, row: list[Token], shared: list[tuple[int, int]]) -> Side:
    """shared: where stretches begin, and their lengths in tokens, the longest first."""
    lines = [(0, clean(line)) for line in lines_of(_source(handed))]
    for number, (begin, size) in reversed(list(enumerate(shared, 1))):
        for line in range(row[begin].line - 1, row[begin + size - 1].line):
            lines[line] = number, lines[line][1]
    return Side(clean(handed.student), clean(handed.path), lines)


def _line(shown: Likeness) -> str:
    one, other = (each.author for each in shown.sides)
    lines, _ = shown.longest
    return (
        f"{shown.slug}, {one} and {other}: {100 * shown.pair.share:.0f} %, "
        f"{shown.pair.shared} fingerprints, {count(lines, 'line')} in a row"
    )
