"""Small notebooks for the tests of what runs notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from tests.notebooks.files import as_text, node
from tests.notebooks.outputs import KERNELSPEC, LANGUAGE


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    """What a print leaves."""
    return {"output_type": "stream", "name": name, "text": text}


def cell(
    source: str,
    *outputs: dict[str, Any],
    name: str = "",
    count: int | None = 1,
    tags: tuple[str, ...] = (),
) -> dict[str, Any]:
    """A code cell as stored; without outputs given as strings it printed nothing."""
    return {
        "cell_type": "code",
        "id": name,
        "metadata": {"tags": list(tags)} if tags else {},
        "source": source,
        "execution_count": count,
        "outputs": list(outputs),
    }


def notebook(*cells: dict[str, Any]) -> NotebookNode:
    """A notebook of these cells, named and counted in their order where they say nothing else."""
    for number, one in enumerate(cells, start=1):
        one["id"] = one["id"] or f"cell-{number}"
        if one["execution_count"] == 1:
            one["execution_count"] = number
    metadata = {"kernelspec": KERNELSPEC, "language_info": LANGUAGE}
    return node({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def write(path: Path, *cells: dict[str, Any]) -> Path:
    """Write a notebook of these cells to `path` and return the path."""
    path.write_text(as_text(notebook(*cells)), encoding="utf-8", newline="\n")
    return path
