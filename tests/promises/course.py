"""What the course consists of: the fixed list, and what is there.

`test_the_list.py` holds the fixed list against the disk, so that something missing fails once, by
its name. All other promises are about what is found, so that something new is held to them at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from nbformat import NotebookNode

from labsupport.checking.exercise import Check, Exercise, load_exercises, load_misconceptions
from labsupport.checking.hidden import load_hidden
from tests.notebooks.files import FOLDERS, ROOT, find, node, read

LESSONS = (
    "00_start_here",
    "01a_calls_and_failures",
    "01b_addresses_and_ports",
    "02a_tcp_is_a_stream",
    "02b_framing",
    "02c_closing_and_small_writes",
    "03_udp_datagrams",
    "04_threads_and_processes",
    "05a_the_event_loop_by_hand",
    "05b_asyncio",
    "06a_http_on_the_wire",
    "06b_tornado",
    "07_tornado_concurrency",
    "08a_httpx",
    "08b_httpx_trust",
    "09_failing_well",
)
EXERCISES = {
    "greet": "00",
    "probe": "01a",
    "endpoint": "01b",
    "classify": "01b",
    "lines": "02a",
    "framing": "02b",
    "echo": "02c",
    "transfer": "02c",
    "break_stream": "02c",
    "ask": "03",
    "ferry": "03",
    "jitter": "03",
    "break_datagrams": "03",
    "bounded": "04",
    "fileserver": "04",
    "room": "04",
    "break_threads": "04",
    "interop": "04",
    "loop": "05a",
    "break_loop": "05a",
    "gather": "05b",
    "room2": "05b",
    "parser": "06a",
    "chunked": "06a",
    "break_http": "06a",
    "notes": "06b",
    "core": "07",
    "drain": "07",
    "report": "07",
    "upload": "07",
    "checker": "08a",
    "pooled": "08a",
    "break_client": "08a",
    "contract": "08b",
    "pages": "08b",
    "retry": "09",
    "idempotent": "09",
    "breaker": "09",
    "monitor": "09",
}
ANSWERS = ROOT / "tests" / "answers"


def number(lesson: Path | str) -> str:
    """The number of a lesson by its file: "02a" of 02a_tcp_is_a_stream.ipynb."""
    return Path(lesson).stem.partition("_")[0]


def lessons() -> list[Path]:
    """The lessons that are there, in order."""
    return find([ROOT / "notebooks"])


def folder(slug: str) -> Path:
    """The folder of an exercise, which is named by its slug (a step's is its exercise's)."""
    base = slug.partition(".")[0]
    lesson = EXERCISES.get(base, "??")[:2]
    found = sorted((ROOT / "exercises").glob(f"[0-9][0-9]_{base}"))
    return found[0] if found else ROOT / "exercises" / f"{lesson}_{base}"


def slugs() -> list[str]:
    """The exercises that are there, without steps, in the order of their folders."""
    found = sorted((ROOT / "exercises").glob("*/checks.py"))
    return [path.parent.name.partition("_")[2] for path in found]


def task(slug: str) -> Path:
    """The notebook of an exercise."""
    return folder(slug) / f"{slug}.ipynb"


def solution(slug: str) -> Path:
    """The answered notebook of an exercise."""
    return ROOT / "solutions" / f"{slug}.ipynb"


def notebooks() -> list[Path]:
    """Every notebook that is there."""
    return find([ROOT / name for name in FOLDERS])


def texts() -> list[Path]:
    """The Markdown files that people read: the README, and the instructor's notes."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "solutions").rglob("*.md")])


@cache
def exercises(slug: str) -> dict[str, Exercise]:
    """The exercise and its steps, by slug, as its checks.py declares them."""
    return load_exercises(folder(slug))


@cache
def hidden(slug: str) -> list[Check]:
    """The hidden checks of an exercise or a step."""
    declared = load_hidden(folder(slug))
    return [check for each in declared if each.slug == slug for check in each.checks]


@cache
def misconceptions() -> dict[str, dict[str, str]]:
    """The wrong beliefs that the course defeats, by slug."""
    return load_misconceptions(ROOT / "exercises")


@cache
def notebook(path: Path) -> NotebookNode:
    """A notebook as stored; read once, so do not change it. Fails the test where there is none."""
    if not path.is_file():
        pytest.fail(f"there is no {short(path)}", pytrace=False)
    return read(path)


def code(of: NotebookNode) -> list[NotebookNode]:
    """The code cells."""
    return [cell for cell in of.cells if cell.cell_type == "code"]


def prose(of: NotebookNode) -> list[NotebookNode]:
    """The markdown cells."""
    return [cell for cell in of.cells if cell.cell_type == "markdown"]


FENCED = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)


def without_code(text: str) -> str:
    """Markdown less its fenced code and code spans."""
    return CODE_SPAN.sub("", FENCED.sub("", text))


@dataclass(frozen=True)
class Heading:
    """A heading of a notebook's prose."""

    level: int
    text: str
    cell: str


def headings(of: NotebookNode) -> Iterator[Heading]:
    """The headings in their order; what stands in fenced code is none."""
    for cell in prose(of):
        for mark, text in re.findall(r"^(#{1,6}) +(.+?) *$", FENCED.sub("", cell.source), re.M):
            yield Heading(len(mark), text, cell.id)


def short(path: Path) -> str:
    """A path as a test's name: below the repository's root."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name


# --- examples for the tests of the promises themselves --------------------------------------------


def text_cell(source: str, name: str = "text") -> NotebookNode:
    """A markdown cell."""
    return node({"cell_type": "markdown", "id": name, "metadata": {}, "source": source})


def code_cell(
    source: str, name: str = "code", outputs: list[NotebookNode] | None = None
) -> NotebookNode:
    """A code cell that has been run."""
    return node(
        {
            "cell_type": "code",
            "id": name,
            "metadata": {},
            "source": source,
            "execution_count": 1,
            "outputs": outputs or [],
        }
    )


def example(*cells: NotebookNode) -> NotebookNode:
    """A notebook with these cells."""
    return node({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
