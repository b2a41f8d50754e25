"""The Python of notebooks, checks and labsupport as syntax trees, for promises about code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from tests.notebooks.files import ROOT
from tests.promises import course

MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)


@dataclass(frozen=True)
class Source:
    """A piece of Python and where it stands."""

    where: str
    text: str

    def tree(self) -> ast.Module:
        """Its syntax tree; lines for IPython are emptied first."""
        return ast.parse(MAGIC.sub("", self.text))


def cells(notebook: NotebookNode, where: str) -> list[Source]:
    """The code cells of a notebook."""
    return [Source(f"{where}, cell {cell.id!r}", cell.source) for cell in course.code(notebook)]


def files(*folders: str) -> list[Path]:
    """The Python files below folders of the repository, sorted."""
    return sorted(path for name in folders for path in (ROOT / name).rglob("*.py"))


def source(path: Path) -> Source:
    """A file's Python."""
    return Source(course.short(path), path.read_text(encoding="utf-8"))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call with the last part of what is called: `bind` of `socket.bind(...)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Attribute(attr=name) | ast.Name(id=name):
                    yield name, node
