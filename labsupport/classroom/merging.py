"""A notebook of the course and the same one as a user has changed it, made one.

Cells are compared by their ids, which the course gives once and for ever. Three versions say who
changed what: the notebook as it was handed out, the user's, and the course's new one. What the
user changed stays; what only the course changed is taken from it.

- A cell that the user changed is the user's, whatever the course has made of it since.
- A cell that the user took out stays out, and a cell that the user added comes after the one that
  it followed. The order of the others is the course's.
- Outputs go with their cell. They are no change: the next run makes them again.

A notebook is read as JSON (https://nbformat.readthedocs.io/en/latest/format_description.html); what
is more than cells comes from the course.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

__all__ = ["merged", "same"]

_Cell = dict[str, Any]
_Cells = dict[str, _Cell]


def same(one: bytes, other: bytes, name: str) -> bool:
    """Whether two files hold the same; of notebooks with ids, whether their cells do.

    name: of the file, which says what it is.
    """
    if one == other:
        return True
    mine, theirs = (_cells(_read(data, name)) for data in (one, other))
    return mine is not None and theirs is not None and _written(mine) == _written(theirs)


def merged(handed: bytes, mine: bytes, new: bytes, name: str) -> bytes | None:
    """The course's new notebook with what the user changed in the one that was handed out.

    None where the three cannot be compared cell by cell: no notebook, another major format, a cell
    without an id or an id that is there twice, or an id that both have given to a new cell; or
    where there is half of a surrogate pair, which is no text.
    """
    read = [_read(data, name) for data in (handed, mine, new)]
    before, own, theirs = (_cells(each) for each in read)
    if before is None or own is None or theirs is None:
        return None
    if len({each["nbformat"] for each in read if each}) != 1:
        return None
    both = own.keys() & theirs.keys()
    if any(_differ(own[each], theirs[each]) for each in both - before.keys()):
        return None
    chosen = dict(_chosen(before, own, theirs))
    cells = [chosen.get(each) or own[each] for each in _ordered(list(chosen), before, own)]
    text = json.dumps({**(read[2] or {}), "cells": cells}, indent=1, ensure_ascii=False) + "\n"
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _chosen(before: _Cells, own: _Cells, theirs: _Cells) -> Iterator[tuple[str, _Cell]]:
    """The cells of the course, each as the user or the course has it."""
    for each, cell in theirs.items():
        if each not in own:
            if each not in before:
                yield each, cell
        elif each in before and not _differ(own[each], before[each]) and _differ(own[each], cell):
            yield each, cell
        else:
            yield each, own[each]


def _ordered(order: list[str], before: _Cells, own: _Cells) -> list[str]:
    """The ids of the course's cells, and of those that only the user has: each of these comes
    behind what it followed."""
    place = 0
    for each, cell in own.items():
        if each in order:
            place = order.index(each) + 1
        elif each not in before or _differ(cell, before[each]):
            order.insert(place, each)
            place += 1
    return order


def _read(data: bytes, name: str) -> dict[str, Any] | None:
    """A notebook's JSON; None for what is none."""
    if not name.endswith(".ipynb"):
        return None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("nbformat"), int):
        return None
    return found


def _cells(notebook: dict[str, Any] | None) -> _Cells | None:
    """The cells by their ids, in order; None where that is not possible."""
    cells = notebook.get("cells") if notebook else None
    if not isinstance(cells, list):
        return None
    found: _Cells = {}
    for cell in cells:
        name = cell.get("id") if isinstance(cell, dict) else None
        if not isinstance(name, str) or name in found or _content(cell) is None:
            return None
        found[name] = cell
    return found


def _written(cells: _Cells) -> list[tuple[str, tuple[Any, ...] | None]]:
    return [(name, _content(cell)) for name, cell in cells.items()]


def _differ(one: _Cell, other: _Cell) -> bool:
    return _content(one) != _content(other)


def _content(cell: _Cell) -> tuple[Any, ...] | None:
    """What somebody wrote into a cell: its kind, its text, its attached files."""
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        return None
    return cell.get("cell_type"), source, cell.get("attachments") or {}
