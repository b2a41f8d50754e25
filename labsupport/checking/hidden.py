"""Hidden checks: further checks of an exercise, which only the instructor has.

They stand in solutions/hidden/SLUG.py, below the course root. The file makes a `HiddenChecks` for
the exercise, and one for each step of it that has any, and declares checks on it as checks.py does
on its `Exercise`. They run after those, by the same engine, when they are asked for.

A learner is told that there are such checks, and of each that failed what it asks for: its name,
its sentence, the wrong belief. Not how it looked: see `Report.concealed`. So a hidden check has no
hints, and a sentence in their place. An answer that is run at level 1 can read what its user can,
this file too: hidden checks stay hidden where answers run behind a fence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from labsupport.checking.errors import EngineError, InputError
from labsupport.checking.exercise import Check, Exercise, F, load_module

__all__ = ["HiddenChecks", "add_hidden", "load_hidden"]


class HiddenChecks:
    """The hidden checks of the exercise, or of the step, with this slug."""

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.checks: list[Check] = []

    def __repr__(self) -> str:
        return f"HiddenChecks({self.slug!r}, {len(self.checks)} checks)"

    def check(
        self,
        name: str,
        *,
        points: int,
        misconception: str,
        said: str,
        deadline: float = 5.0,
    ) -> Callable[[F], F]:
        """Declare an async function (answer, draw, variant) as a hidden check.

        name, points, misconception, deadline: as for `Exercise.check`. said: the behaviour that the
        task asks for, in a sentence for the learner which tells nothing of the probe.
        """

        def declare(function: F) -> F:
            self.checks.append(
                Check(name, points, misconception, (), deadline, function, hidden=True, said=said)
            )
            return function

        return declare


def add_hidden(exercise: Exercise, folder: Path) -> None:
    """Put the hidden checks of an exercise behind its own; there may be none.

    folder: the exercise's. Raises InputError when this copy of the course has no hidden checks at
    all, and EngineError when they cannot be used.
    """
    for hidden in load_hidden(folder):
        if hidden.slug != exercise.slug:
            continue
        for check in hidden.checks:
            if any(check.name == other.name for other in exercise.checks):
                raise EngineError(f"{exercise.slug} has two checks named {check.name!r}.")
            exercise.checks.append(replace(check, said=exercise.retold(check.said)))


def load_hidden(folder: Path) -> list[HiddenChecks]:
    """What the file of an exercise's hidden checks declares; nothing when there is no file.

    Raises InputError when this copy of the course has no folder for hidden checks, and EngineError
    when the file cannot be loaded.
    """
    place = folder.parents[1] / "solutions" / "hidden"
    if not place.is_dir():
        raise InputError(
            "This copy of the course has no hidden checks: it has no folder solutions/hidden. They "
            "belong to whoever runs the course. Check without --hidden."
        )
    path = place / f"{folder.name.partition('_')[2]}.py"
    if not path.is_file():
        return []
    found = vars(load_module(path, f"hidden_{path.stem}")).values()
    return [each for each in found if isinstance(each, HiddenChecks)]
