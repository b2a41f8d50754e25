"""Where a learner stands: the course's exercises in order, and what the history says of each.

The lessons are `notebooks/NN_topic.ipynb`, in the order of their numbers, and a lesson lists its
exercises under the heading Exercises. An exercise is the last of its parts: the steps inside its
notebook come first. Points, hints and the names of the checks come from checks.py.

Everything else is derived from what the history keeps of each check and each answer. A part has
passed when one answer passed all of its present checks, since the moment when that answer had; its
points are those of the best answer so far. A try is an answer that differs from all before it. A
failed check opens one more of its hints at every try.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from labsupport.checking import EngineError, InputError
from labsupport.checking.exercise import Exercise, exercise_folders, load_exercises
from labsupport.checking.tries import history_of
from labsupport.history import Found

__all__ = ["Lesson", "Part", "Standing", "Task", "read_standing"]

_LISTED = re.compile(r"\]\([./]*/exercises/\w+/(\w+)\.ipynb\)")


@dataclass(frozen=True, slots=True)
class Part:
    """An exercise's own checks, or those of a step. passed: since when, in UTC; empty: not yet."""

    slug: str
    total: int = 0
    points: int = 0
    tries: int = 0
    hints: int = 0
    passed: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """An exercise. parts: its steps and, last, itself. problem: why its checks cannot be loaded."""

    slug: str
    folder: Path
    lesson: str
    kind: str
    minutes: int
    parts: tuple[Part, ...]
    problem: str = ""

    @property
    def notebook(self) -> Path:
        """The task and the answer cells."""
        return self.folder / f"{self.slug}.ipynb"

    @property
    def passed(self) -> bool:
        """Whether the exercise has passed; a step is the way there and may be left out."""
        return bool(self.parts[-1].passed)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson and its exercises, in order. title: empty when its notebook cannot be read."""

    number: str
    title: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """The whole course. known: False when there is a history that cannot be read now."""

    lessons: tuple[Lesson, ...]
    known: bool

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All exercises, in the course's order."""
        return tuple(task for lesson in self.lessons for task in lesson.tasks)

    def task(self, slug: str) -> Task:
        """The exercise with this slug, or the one that this step belongs to. Raises KeyError."""
        base = slug.partition(".")[0]
        for task in self.tasks:
            if task.slug == base:
                return task
        raise KeyError(slug)

    def following(
        self, slug: str | None = None, *, besides: Container[str] = (), kind: str | None = None
    ) -> Task | None:
        """The next exercise behind this one that has not passed; after the last comes the first.

        slug: None begins at the first. besides: slugs to leave out. kind: "core" or "stretch" only.
        """
        tasks = self.tasks
        here = 1 + next((at for at, task in enumerate(tasks) if task.slug == slug), -1)
        for task in tasks[here:] + tasks[:here]:
            if not task.passed and task.slug not in besides and kind in (None, task.kind):
                return task
        return None


def read_standing(root: Path) -> Standing:
    """Where the learner stands in the course at `root`, whatever is wrong with the history.

    Raises InputError when the course has no exercises.
    """
    found = history_of(root).findings()
    told: dict[str, list[Found]] = defaultdict(list)
    for each in found or ():
        told[each.slug].append(each)
    titles: dict[str, str] = {}
    places: dict[str, tuple[str, int]] = {}  # slug: the lesson that lists it, and where there
    for number, title, slugs in _lessons(root):
        titles[number] = title
        places.update((slug, (number, at)) for at, slug in enumerate(slugs))
    unlisted = len(places)
    try:
        folders = exercise_folders(root)
    except OSError as error:
        raise InputError(f"{root / 'exercises'} cannot be read: {error.strerror}.") from None
    if not folders:
        raise InputError(f"{root / 'exercises'} has no exercises.")
    tasks = [
        _task(slug, folder, places.get(slug, ("", 0))[0], told) for slug, folder in folders.items()
    ]
    tasks.sort(key=lambda task: (task.lesson, places.get(task.slug, ("", unlisted))[1]))
    lessons = tuple(
        Lesson(number, titles.get(number, ""), tuple(t for t in tasks if t.lesson == number))
        for number in sorted({task.lesson for task in tasks})
    )
    return Standing(lessons, known=found is not None)


def _task(slug: str, folder: Path, lesson: str, found: dict[str, list[Found]]) -> Task:
    try:
        exercises = load_exercises(folder)
        own = exercises.pop(slug)
    except (EngineError, KeyError) as error:
        problem = str(error) if isinstance(error, EngineError) else f"checks.py has no {slug!r}."
        number = lesson or folder.name.partition("_")[0]
        return Task(slug, folder, number, "core", 0, (Part(slug),), problem)
    steps = [each for name, each in exercises.items() if name.startswith(f"{slug}.")]
    parts = tuple(_part(each, found.get(each.slug, ())) for each in (*steps, own))
    return Task(slug, folder, lesson or own.lesson, own.kind, own.minutes, parts)


def _part(exercise: Exercise, found: Sequence[Found]) -> Part:
    worth = {check.name: check.points for check in exercise.checks}
    passed: dict[str, dict[str, str]] = defaultdict(dict)  # answer: the checks it passed, and when
    failed: Counter[str] = Counter()
    for each in found:
        if not each.passed:
            failed[each.check] += 1
        elif each.check in worth:
            passed[each.digest][each.check] = each.at
    whole = [max(when.values()) for when in passed.values() if len(when) == len(worth)]
    return Part(
        slug=exercise.slug,
        total=exercise.points,
        points=max((sum(worth[name] for name in when) for when in passed.values()), default=0),
        tries=len({each.digest for each in found}),
        hints=sum(min(failed[check.name], len(check.hints)) for check in exercise.checks),
        passed=min(whole, default=""),
    )


def _lessons(root: Path) -> Iterator[tuple[str, str, list[str]]]:
    """The number, the title and the listed exercises of each lesson."""
    for path in sorted((root / "notebooks").glob("[0-9][0-9]*.ipynb")):
        text = _prose(path)
        heading = re.search(r"^# +(.+)", text)
        listed = re.search(r"^## Exercises? *$(.*?)(?=^##? |\Z)", text, re.MULTILINE | re.DOTALL)
        slugs = _LISTED.findall(listed[1]) if listed else []
        yield path.stem.partition("_")[0], heading[1].strip() if heading else "", slugs


def _prose(path: Path) -> str:
    """The text of a lesson; empty for a file that is no notebook at the moment, as in a save."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found = ["".join(each["source"]) for each in cells if each["cell_type"] == "markdown"]
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return "\n\n".join(found)
