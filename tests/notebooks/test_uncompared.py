"""Cells whose output is not compared stand in one list, with their reasons, and no others do."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from nbformat import NotebookNode
from nbval.plugin import comment_markers

from tests.notebooks.examples import cell, notebook
from tests.notebooks.files import FOLDERS, ROOT, find, read

LIST = Path(__file__).with_name("uncompared.toml")
TAGS = {"nbval-ignore-output", "nbval-skip", "raises-exception"}
# These change what nbval does as well; the tags above say the same and are seen in JupyterLab.
COMMENTS = set(comment_markers)
LEAST_WORDS = 4

Entry = tuple[str, str, str]


def listed() -> list[dict[str, Any]]:
    """The entries of the list."""
    entries: list[dict[str, Any]] = tomllib.loads(LIST.read_text("utf-8")).get("cell", [])
    return entries


def marked(of: NotebookNode, name: str) -> set[Entry]:
    """The cells of a notebook that are taken out of the comparison: notebook, id, tag."""
    return {
        (name, one.id, tag)
        for one in of.cells
        for tag in one.metadata.get("tags", [])
        if tag in TAGS
    }


def faults(of: NotebookNode) -> list[str]:
    """Marks that the list cannot hold: comments, other tags, and cells that assert nothing."""
    found = []
    for one in of.cells:
        tags = set(one.metadata.get("tags", []))
        comments = {line.strip().lstrip("# ") for line in one.source.splitlines() if "#" in line}
        found += [f"{one.id}: use a tag, not the comment {text}" for text in comments & COMMENTS]
        found += [f"{one.id}: nothing here knows the tag {tag}" for tag in sorted(tags - TAGS)]
        if "nbval-ignore-output" in tags and "assert " not in one.source:
            found.append(f"{one.id}: nothing compares this output and the cell asserts nothing")
    return found


def test_the_list_is_what_the_notebooks_say() -> None:
    real: set[Entry] = set()
    for path in find([ROOT / folder for folder in FOLDERS]):
        real |= marked(read(path), path.relative_to(ROOT).as_posix())
    names = [(name, one["id"], one["tag"]) for one in listed() for name in one["notebooks"]]
    assert sorted(real - set(names)) == [], "give each a reason in uncompared.toml"
    assert sorted(set(names) - real) == [], "these are not marked any more"
    assert len(names) == len(set(names))


def test_every_entry_has_a_reason() -> None:
    assert [one for one in listed() if len(one["reason"].split()) < LEAST_WORDS] == []


@pytest.mark.parametrize(
    "path",
    find([ROOT / folder for folder in FOLDERS]),
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_a_notebook_s_marks_can_be_listed(path: Path) -> None:
    assert faults(read(path)) == []


def test_marks_that_would_escape_the_list_are_found() -> None:
    good = notebook(cell("assert f() > 1", tags=("nbval-ignore-output",)), cell("# a comment"))
    assert faults(good) == []
    assert marked(good, "x") == {("x", "cell-1", "nbval-ignore-output")}
    assert faults(notebook(cell("# NBVAL_IGNORE_OUTPUT\n1")))
    assert faults(notebook(cell("1", tags=("skip-execution",))))
    assert faults(notebook(cell("print(1)", tags=("nbval-ignore-output",))))
