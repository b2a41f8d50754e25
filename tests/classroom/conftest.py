"""A small course, and a user's copy of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

LESSON = "notebooks/00_start_here.ipynb"
EXERCISE = "exercises/00_greet/greet.ipynb"
CHECKS = "exercises/00_greet/checks.py"

Cells = dict[str, str]


def notebook(cells: Cells, **outputs: str) -> bytes:
    """A notebook with code cells by their ids; outputs: what a cell printed."""
    written = [_cell(name, source, outputs.get(name)) for name, source in cells.items()]
    whole = {"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole).encode()


def _cell(name: str, source: str, printed: str | None) -> dict[str, Any]:
    output = {"output_type": "stream", "name": "stdout", "text": printed}
    return {
        "cell_type": "code",
        "id": name,
        "source": source.splitlines(keepends=True),
        "metadata": {},
        "execution_count": None if printed is None else 1,
        "outputs": [] if printed is None else [output],
    }


def cells(data: bytes) -> Cells:
    """The cells of a notebook, back again."""
    return {each["id"]: "".join(each["source"]) for each in json.loads(data)["cells"]}


class Place:
    """A folder with files by their paths."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __setitem__(self, name: str, content: bytes | str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    def __getitem__(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def __delitem__(self, name: str) -> None:
        (self.root / name).unlink()

    def __contains__(self, name: str) -> bool:
        return (self.root / name).exists()

    def files(self) -> dict[str, bytes]:
        """All files outside of hidden folders."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        named = {path.relative_to(self.root).as_posix(): path.read_bytes() for path in found}
        return {name: data for name, data in named.items() if not name.startswith(".")}


@pytest.fixture
def course(tmp_path: Path) -> Place:
    """One lesson, one exercise, and what learners do not get."""
    made = Place(tmp_path / "course")
    made[LESSON] = notebook({"setup": "import socket", "vote": "vote = None"}, setup="old")
    made[EXERCISE] = notebook(
        {"task": "Write greet.", "answer": "%%answer greet\n...", "check": "%"}
    )
    made[CHECKS] = "# as handed out\n"
    made["LICENSE"] = "MIT License"
    made["solutions/greet.ipynb"] = notebook({"answer": "solved"})
    made["exercises/.ipynb_checkpoints/x.ipynb"] = b"{}"
    made["pyproject.toml"] = ""
    return made


@pytest.fixture
def copy(tmp_path: Path) -> Place:
    """Where a user's copy will be."""
    return Place(tmp_path / "copy")
