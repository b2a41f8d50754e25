"""A notebook's file is small, stable and anonymous: its diff shows only what changed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from nbformat import NotebookNode

from tests.notebooks.files import ROOT, as_text, node
from tests.notebooks.outputs import KEPT_CELL_METADATA, KERNELSPEC, LANGUAGE, LARGEST
from tests.promises import course
from tests.promises.course import code_cell, example, text_cell

RANDOM_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f-]+)?")
WORDS = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# A folder of whoever ran it last. Lower-case, so that /Users as a word in prose is not meant.
MACHINE = re.compile(
    r"(?<![\w.~])/(?:root|work|home/\w+|Users/\w+|tmp/\w+|private/var)/|~/[.\w-]+/|[A-Z]:\\\\?Users"
)


@pytest.mark.parametrize("path", course.notebooks(), ids=course.short)
def test_a_notebook_is_below_a_megabyte(path: Path) -> None:
    assert path.stat().st_size <= LARGEST


@pytest.mark.parametrize("path", course.notebooks(), ids=course.short)
def test_a_notebook_is_stored_as_make_outputs_writes_it(path: Path) -> None:
    notebook = course.notebook(path)
    assert volatile(notebook) == []
    assert path.read_text(encoding="utf-8") == as_text(notebook), "run: make outputs"


def volatile(notebook: NotebookNode) -> list[str]:
    """Metadata that changes by itself, and ids that are not words."""
    faults = []
    if dict(notebook.metadata) != {"kernelspec": KERNELSPEC, "language_info": LANGUAGE}:
        faults.append(f"the notebook's metadata: {dict(notebook.metadata)}")
    if (notebook.nbformat, notebook.nbformat_minor) != (4, 5):
        faults.append(f"format {notebook.nbformat}.{notebook.nbformat_minor}, not 4.5")
    ids = [cell.get("id", "") for cell in notebook.cells]
    for cell, name in zip(notebook.cells, ids, strict=True):
        if not WORDS.fullmatch(name) or RANDOM_ID.fullmatch(name) or ids.count(name) > 1:
            faults.append(f"cell {name!r}: an id is a word, given once, such as predict-reads")
        if extra := set(cell.metadata) - set(KEPT_CELL_METADATA):
            faults.append(f"cell {name!r}: metadata {sorted(extra)}")
    return faults


@pytest.mark.parametrize("path", course.notebooks(), ids=course.short)
def test_outputs_name_no_folder_of_this_machine(path: Path) -> None:
    assert machine_paths(course.notebook(path)) == []


def machine_paths(notebook: NotebookNode) -> list[str]:
    """Cells whose outputs name a folder of somebody's machine."""
    found = []
    for cell in course.code(notebook):
        for output in cell.outputs:
            texts = [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])]
            texts += [v for k, v in output.get("data", {}).items() if not k.startswith("image/")]
            # The colours of a traceback stand between the parts of a path.
            plain = [re.sub(r"\x1b\[[\d;]*m", "", str(text)) for text in texts]
            found += [
                f"cell {cell.id!r}: {hit.group()}" for t in plain for hit in MACHINE.finditer(t)
            ]
    return found


def test_sources_name_no_folder_of_this_machine() -> None:
    here = re.compile(r"(?<![\w.])/(?:root|work|home/\w+)/")
    folders = ("labsupport", "exercises", "notebooks", "solutions")
    files = [path for name in folders for path in (ROOT / name).rglob("*.py")]
    files += [*ROOT.glob("*.toml"), *ROOT.glob("*.md"), *ROOT.glob("*.yml"), ROOT / "Makefile"]
    naming = [course.short(f) for f in files if f.is_file() and here.search(f.read_text("utf-8"))]
    assert naming == []


def test_volatile_metadata_and_random_ids_are_found() -> None:
    good = example(text_cell("# T", "title"), code_cell("1", "predict-reads"))
    good.metadata = node({"kernelspec": KERNELSPEC, "language_info": LANGUAGE})
    assert volatile(good) == []
    for name in ("", "8f3a1b2c", "Predict", "title", "4f4aa4b5-7e66-4d1c-8b25-5d9b9c6a1f20"):
        bad = node({**good, "cells": [good.cells[0], code_cell("1", name)]})
        assert volatile(bad), name
    bad = node({**good, "metadata": {**good.metadata, "widgets": {}}})
    assert volatile(bad)
    collapsed = code_cell("1", "x")
    collapsed.metadata = node({"collapsed": True})
    assert volatile(node({**good, "cells": [collapsed]}))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("File /root/x/lib/socket.py", True),
        ("\x1b[32m~/.pyenv/\x1b[39mversions", True),
        ("/home/ada/course", True),
        ("GET /work HTTP/1.1", False),
        ("/etc/hosts and /proc/net/tcp", False),
    ],
)
def test_a_folder_of_a_machine_is_found_in_outputs(text: str, found: bool) -> None:
    output = node({"output_type": "stream", "name": "stdout", "text": text})
    assert bool(machine_paths(example(code_cell("x", outputs=[output])))) is found
