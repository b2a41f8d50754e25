"""Notebook files: find them, read them, and the one text that a notebook is stored as."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("notebooks", "exercises", "solutions")


def find(paths: Sequence[Path]) -> list[Path]:
    """The notebooks among files and below folders, sorted; without JupyterLab's checkpoints."""
    found: set[Path] = set()
    for path in paths:
        found |= {path} if path.is_file() else set(path.rglob("*.ipynb"))
    return sorted(one for one in found if ".ipynb_checkpoints" not in one.parts)


def read(path: Path) -> NotebookNode:
    """The notebook at `path`."""
    return nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)  # type: ignore[no-untyped-call, no-any-return]


def as_text(notebook: NotebookNode) -> str:
    """What stands in the file: nbformat's own layout, ended by one line feed."""
    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    return text.rstrip("\n") + "\n"


def node(content: dict[str, Any]) -> NotebookNode:
    """A part of a notebook, from plain data."""
    return nbformat.from_dict(content)  # type: ignore[no-untyped-call, no-any-return]
