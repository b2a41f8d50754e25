"""A small course in a temporary folder, with one exercise whose checks a test writes."""

from __future__ import annotations

import textwrap
from pathlib import Path

from labsupport.checking import Answer, Report, check

HEAD = """\
import asyncio
import socket
from labsupport.checking import *
from labsupport.checking import Link, ScriptedSocket, StandIn

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
        """Replace checks.py."""
        self.source = source
        (self.folder / "checks.py").write_text(source)

    def add(self, name: str, body: str, points: int = 1, deadline: float = 5.0) -> None:
        """Add a check with this body."""
        body = textwrap.indent(textwrap.dedent(body).strip(), "    ")
        self.write(
            self.source + CHECK.format(name=name, points=points, deadline=deadline, body=body)
        )

    def judge(self, answer: str, seed: int | None = None, only: str | None = None) -> Report:
        """Judge an answer, given as source, by all checks."""
        source = textwrap.dedent(answer).strip("\n")
        return check(Answer.from_cell(source, "demo"), self.folder, seed=seed, only=only)
