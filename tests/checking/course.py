"""A small course in a temporary folder, with one exercise whose checks a test writes."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Mapping
from pathlib import Path

from labsupport.checking import Answer, Report, check

HEAD = """\
import asyncio
import socket
from labsupport.checking import *
from labsupport.checking import Coroutine, Link, ScriptedSocket, StandIn

exercise = Exercise(
    "demo", title="A demonstration", lesson="00", minutes=1, kind="core", entry="f",
    variant={"n": 7},
)
"""

CHECK = """
@exercise.check(
    {name!r}, points={points}, misconception="wrong-belief", hints=["vague", "closer", "concrete"],
    deadline={deadline},
)
async def _(answer, draw, variant):
{body}
"""

HIDDEN_HEAD = """\
from labsupport.checking import *

hidden = HiddenChecks("demo")
"""

HIDDEN_CHECK = """
@hidden.check({name!r}, points={points}, misconception="wrong-belief", said={said!r})
async def _(answer, draw, variant):
{body}
"""


class Course:
    """A course with the exercise `demo`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "exercises" / "00_demo"
        self.folder.mkdir(parents=True)
        (root / "exercises" / "misconceptions.toml").write_text(
            '[wrong-belief]\nbelief = "The earth is flat."\ntruth = "It is round."\nlesson = "00"\n'
        )
        self.source = HEAD
        self.write(HEAD)

    def write(self, source: str) -> None:
        """Replace checks.py, and what Python kept of it: it tells two apart by second and size."""
        shutil.rmtree(self.folder / "__pycache__", ignore_errors=True)
        self.source = source
        (self.folder / "checks.py").write_text(source)

    def add(self, name: str, body: str, points: int = 1, deadline: float = 5.0) -> None:
        """Add a check with this body."""
        body = textwrap.indent(textwrap.dedent(body).strip(), "    ")
        self.write(
            self.source + CHECK.format(name=name, points=points, deadline=deadline, body=body)
        )

    def hide(self, name: str, body: str, points: int = 1, said: str = "It should.") -> None:
        """Add a hidden check with this body."""
        file = self.root / "solutions" / "hidden" / "demo.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        head = file.read_text() if file.exists() else HIDDEN_HEAD
        body = textwrap.indent(textwrap.dedent(body).strip(), "    ")
        file.write_text(head + HIDDEN_CHECK.format(name=name, points=points, said=said, body=body))

    def save(self, name: str, answers: Mapping[str, str], folder: Path | None = None) -> None:
        """Save a notebook with answers by slug: that of an exercise, which is made when it is not
        there, or one in another folder."""
        if folder is None:
            folder = self.root / "exercises" / f"01_{name}"
            folder.mkdir(exist_ok=True)
            (folder / "checks.py").touch()
        cells = [
            {"cell_type": "code", "source": f"%%answer {slug}\n{source}"}
            for slug, source in answers.items()
        ]
        (folder / f"{name}.ipynb").write_text(json.dumps({"cells": cells}))

    def judge(
        self, answer: str, seed: int | None = None, only: str | None = None, hidden: bool = False
    ) -> Report:
        """Judge an answer, given as source, by all checks; by the hidden ones only on request."""
        source = textwrap.dedent(answer).strip("\n")
        asked = Answer.from_cell(source, "demo")
        return check(asked, self.folder, seed=seed, only=only, hidden=hidden)
