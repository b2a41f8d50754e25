"""A course of three exercises for the command line, and a learner who saves answers to them.

In the course's order: `first` (core), `second` with the step `second.half` (core), and `bonus`
(stretch), which would come before `second` in the alphabet. Each asks for a function f(number).
"""

from __future__ import annotations

import json
import os
from pathlib import Path

DOUBLE = "def f(number):\n    return 2 * number\n"  # right for first and bonus
HALF = "def f(number):\n    return number / 2\n"  # right for second.half
ONE_MORE = "def f(number):\n    return number + 1\n"  # right for second
WRONG = "def f(number):\n    return number\n"  # fails "of two" everywhere
STUB = "def f(number):\n    ...\n"

EXERCISE = """\
{name} = Exercise("{slug}", title="{slug}: a number", lesson="{lesson}", minutes={minutes},
    kind="{kind}", entry="f(number)")


@{name}.check("of two", points=2, misconception="wrong-belief", hints=["vague", "closer"])
async def _(answer, draw, variant):
    assert_equal(await answer.call("f", 2), {of_two}, said="f(2) is {of_two}")


@{name}.check("of none", points=1, misconception="wrong-belief", hints=["zero", "nought"])
async def _(answer, draw, variant):
    assert_equal(await answer.call("f", 0), {of_none}, said="f(0) is {of_none}")


"""


def exercise(slug: str, of_two: float, of_none: float, *, lesson: str, kind: str = "core") -> str:
    """The source of an exercise with two checks."""
    return EXERCISE.format(
        name=slug.replace(".", "_"),
        slug=slug,
        of_two=of_two,
        of_none=of_none,
        lesson=lesson,
        kind=kind,
        minutes=9,
    )


class SmallCourse:
    """The course, in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        first = exercise("first", 4, 0, lesson="00")
        second = exercise("second", 3, 1, lesson="01")
        half = exercise("second.half", 1.0, 0.0, lesson="01")
        bonus = exercise("bonus", 4, 0, lesson="01", kind="stretch")
        self._add("00_first", first)
        self._add("01_second", second + half)
        self._add("01_bonus", bonus)
        beliefs = '[wrong-belief]\nbelief = "Flat."\ntruth = "Round."\nlesson = "00"\n'
        self._write("exercises/misconceptions.toml", beliefs)
        self._lesson("00_begin", "# Begin", "## Exercise\n\n[a](../exercises/00_first/first.ipynb)")
        links = "[b](../exercises/01_second/second.ipynb) [c](../exercises/01_bonus/bonus.ipynb)"
        self._lesson("01_more", "# More of it", f"## Exercises\n\n{links}\n\n## Later")
        self._write("solutions/first.ipynb", "{}")
        self.save("first", STUB)
        self.save("second", STUB, half=STUB)
        self.save("bonus", STUB)

    def folder(self, slug: str) -> Path:
        """The folder of an exercise."""
        (found,) = (self.root / "exercises").glob(f"[0-9][0-9]_{slug}")
        return found

    def notebook(self, slug: str) -> Path:
        """The notebook of an exercise."""
        return self.folder(slug) / f"{slug}.ipynb"

    def save(self, slug: str, answer: str, *, half: str | None = None, place: bool = False) -> None:
        """Save a notebook with these answers: by a renamed file or, with `place`, in place."""
        cells = [f"%%answer {slug}.half\n{half}"] if half is not None else []
        text = notebook("x = 1", *cells, f"%%answer {slug}\n{answer}")
        path = self.notebook(slug)
        if place:
            path.write_text(text, "utf-8")
        else:
            temporary = path.with_name(f".~{path.name}")
            temporary.write_text(text, "utf-8")
            os.replace(temporary, path)

    def _add(self, name: str, source: str) -> None:
        head = "from labsupport.checking import Exercise, assert_equal\n\n"
        self._write(f"exercises/{name}/checks.py", head + source)

    def _lesson(self, name: str, *texts: str) -> None:
        cells = [{"cell_type": "markdown", "source": text} for text in texts]
        self._write(f"notebooks/{name}.ipynb", json.dumps({"cells": cells}))

    def _write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def notebook(*sources: str) -> str:
    """The text of a notebook with these code cells."""
    cells = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {},
            "outputs": [],
            "source": source,
        }
        for number, source in enumerate(sources)
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
