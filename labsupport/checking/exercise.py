"""Exercises: what a checks.py declares, and where they lie in a course.

An exercise is a folder exercises/NN_slug with slug.ipynb and checks.py. The latter makes an
`Exercise` and, for each step inside the same notebook, another one whose slug is "slug.step". A
check is an async function under `@exercise.check(...)`; checks run in the order in which they are
written. checks.py is loaded by its path: by the judge, which runs the checks, and by whoever counts
their points and hints.

The protocol of an exercise may have other constants for each student (variants). Then its folder,
in that student's copy of the course, says which; its steps share them. Checks find the constants
that count in `variant`, and so do their helper functions in `exercise.variant`.
"""

from __future__ import annotations

import difflib
import importlib.util
import re
import tomllib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeVar

from labsupport.checking.errors import EngineError, InputError
from labsupport.checking.variants import FILE, chosen, own_constants, retold
from labsupport.history import course_root

__all__ = [
    "Check",
    "Exercise",
    "Variant",
    "exercise_folders",
    "find_course",
    "find_exercise",
    "load_exercises",
    "load_misconceptions",
    "nearest",
]

Function = Callable[..., Awaitable[None]]
Phrases = Callable[["Variant"], Sequence[str]]
F = TypeVar("F", bound=Function)

_FOLDER = re.compile(r"(\d\d[a-z]?)_(\w+)")
_SLUG = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?")


@dataclass(frozen=True, slots=True)
class Check:
    """One behaviour that is checked. deadline: seconds for the whole check.

    hidden, said: see `hidden`.
    """

    name: str
    points: int
    misconception: str
    hints: tuple[str, ...]
    deadline: float
    function: Function
    hidden: bool = False
    said: str = ""


class Variant:
    """The constants of an exercise, as attributes."""

    def __init__(self, constants: Mapping[str, Any]) -> None:
        self.__dict__.update(constants)

    def __repr__(self) -> str:
        return f"Variant({vars(self)})"

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"this exercise's variant has no {name}; it has {sorted(vars(self))}")


class Exercise:
    """What a learner is asked for, and the checks that judge it.

    slug: its name for ever; "slug.step" for a step. lesson: such as "02a". minutes: for a learner.
    kind: "core" or "stretch". entry: what the answer defines. variant: protocol constants.
    variants: for those that may differ between students the values that each may take, the task's
    own among them. phrases: what the texts of the task, its code and its hints say of constants,
    which it is given; the same number for any.

    own: the constants that were chosen for a student; empty for the task's own.
    """

    def __init__(
        self,
        slug: str,
        *,
        title: str,
        lesson: str,
        minutes: int,
        kind: Literal["core", "stretch"],
        entry: str,
        variant: Mapping[str, Any] | None = None,
        variants: Mapping[str, Sequence[Any]] | None = None,
        phrases: Phrases | None = None,
    ) -> None:
        if not _SLUG.fullmatch(slug):
            raise ValueError(f"a slug is lower-case words, at most one dot; got {slug!r}")
        self.slug = slug
        self.title = title
        self.lesson = lesson
        self.minutes = minutes
        self.kind = kind
        self.entry = entry
        self.variant = Variant(variant or {})
        self.variants = dict(variants or {})
        self.phrases = phrases or (lambda variant: ())
        self.own: dict[str, Any] = {}
        self.checks: list[Check] = []
        for name, values in self.variants.items():
            if getattr(self.variant, name) not in values:
                raise ValueError(f"{slug}: the values of {name} lack the task's own")
        self._default = self.variant

    def __repr__(self) -> str:
        return f"Exercise({self.slug!r}, {len(self.checks)} checks)"

    @property
    def points(self) -> int:
        """The sum of the points of all checks."""
        return sum(check.points for check in self.checks)

    def vary(self, own: Mapping[str, Any], steps: Iterable[Exercise] = ()) -> None:
        """Have it, and its steps, checked and told with these constants.

        Raises ValueError when there are no such constants, or may not be.
        """
        constants = chosen(vars(self._default), self.variants, own)
        told = {name: constants[name] for name in self.variants} if own else {}
        before, after = self.phrases(self.variant), self.phrases(Variant(constants))
        for each in (self, *steps):
            each.variant, each.variants, each.own = Variant(constants), self.variants, told
            each.phrases, each._default = self.phrases, self._default
            each.checks = [
                replace(check, hints=tuple(retold(hint, before, after) for hint in check.hints))
                for check in each.checks
            ]

    def retold(self, text: str) -> str:
        """A text that was written for the task's own constants, as it reads for the present."""
        return retold(text, self.phrases(self._default), self.phrases(self.variant))

    def check(
        self,
        name: str,
        *,
        points: int,
        hints: Sequence[str],
        misconception: str = "",
        deadline: float = 5.0,
    ) -> Callable[[F], F]:
        """Declare an async function (answer, draw, variant) as a check of this exercise.

        name: reads as behaviour. hints: two or more, from vague to concrete.
        misconception: a slug of misconceptions.toml; none where no wrong belief is behind most
        failures. deadline: seconds.
        """
        if any(check.name == name for check in self.checks):
            raise ValueError(f"{self.slug} has two checks named {name!r}")
        if len(hints) < 2:
            raise ValueError(f"the check {name!r} needs two hints or more, from vague to concrete")

        def declare(function: F) -> F:
            self.checks.append(Check(name, points, misconception, tuple(hints), deadline, function))
            return function

        return declare

    def selected(self, only: str | None) -> list[Check]:
        """All checks, or the one of that name. Raises InputError when there is none."""
        if only is None:
            return self.checks
        chosen = [check for check in self.checks if check.name == only]
        if not chosen:
            names = [check.name for check in self.checks]
            near = nearest(only, names)
            raise InputError(
                f"{self.slug} has no check named {only!r}."
                + (f" The nearest is {near!r}." if near else "")
                + " Its checks: "
                + ", ".join(repr(name) for name in names)
                + "."
            )
        return chosen


def nearest(name: str, names: Sequence[str]) -> str | None:
    """The name that is most like it, or None when none is."""
    lowered = {each.lower(): each for each in names}
    close = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.5)
    return lowered[close[0]] if close else None


def find_course(*starts: Path) -> Path:
    """The course root: the nearest parent of one of the starts that has exercises/.

    Raises InputError when there is none.
    """
    for start in starts:
        root = course_root(start)
        if root is not None:
            return root
    raise InputError(
        f"{starts[0]} is not inside a course folder: neither it nor a parent has a folder "
        "`exercises`. Change into the course's folder and try again."
    )


def exercise_folders(root: Path) -> dict[str, Path]:
    """The folders of a course's exercises by slug, in the order of their lessons."""
    folders = {}
    for folder in sorted((root / "exercises").iterdir()):
        match = _FOLDER.fullmatch(folder.name)
        if match and (folder / "checks.py").is_file():
            folders[match[2]] = folder
    return folders


def find_exercise(root: Path, slug: str) -> Path:
    """The folder of an exercise, or of the exercise that a step belongs to.

    Raises InputError that names the nearest slug.
    """
    folders = exercise_folders(root)
    base = slug.partition(".")[0]
    if base in folders:
        return folders[base]
    near = nearest(base, list(folders))
    raise InputError(
        f"There is no exercise {base!r}."
        + (f" Did you mean {near!r}?" if near else "")
        + f" The exercises are: {', '.join(folders) or 'none'}."
    )


def load_exercises(folder: Path, own: Mapping[str, Any] | None = None) -> dict[str, Exercise]:
    """Run a folder's checks.py and return its exercises by slug.

    own: constants of a student; without them, those of this copy. Raises EngineError when it
    cannot be loaded, or has no such constants.
    """
    module = load_module(folder / "checks.py", f"checks_{folder.name}")
    found = [each for each in vars(module).values() if isinstance(each, Exercise)]
    exercises = {exercise.slug: exercise for exercise in found}
    where = folder / FILE if own is None else folder.name
    own = own_constants(folder) if own is None else own
    varied = next((each for each in found if each.variants), None)
    if varied is not None:
        try:
            varied.vary(own or {}, [each for each in found if each is not varied])
        except ValueError as error:
            raise EngineError(f"{where}: {error}.") from error
    elif own:
        raise EngineError(f"{where}: the constants of this exercise are the same for everybody.")
    return exercises


def load_module(path: Path, name: str) -> ModuleType:
    """Run a file of checks, or one beside it. Raises EngineError when it cannot be loaded."""
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise EngineError(f"{path} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        kind = type(error).__name__
        raise EngineError(f"{path} cannot be loaded: {kind}: {error}") from error
    return module


def choose_exercise(folder: Path, slug: str, own: Mapping[str, Any] | None = None) -> Exercise:
    """The exercise or step with this slug. Raises InputError that names the others.

    own: see `load_exercises`.
    """
    exercises = load_exercises(folder, own)
    if slug not in exercises:
        near = nearest(slug, list(exercises))
        raise InputError(
            f"{folder.name} has no {slug!r}."
            + (f" Did you mean {near!r}?" if near else "")
            + f" It has: {', '.join(exercises) or 'nothing to check'}."
        )
    return exercises[slug]


def load_misconceptions(folder: Path) -> dict[str, dict[str, str]]:
    """The course's wrong beliefs by slug: "belief", "truth", "lesson". Empty without the file."""
    path = folder / "misconceptions.toml"
    if not path.is_file():
        return {}
    try:
        return _parsed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise EngineError(f"{path} cannot be read: {error}") from error


_parsed = cache(tomllib.loads)  # 7 ms, for each of the answers that a worker judges
