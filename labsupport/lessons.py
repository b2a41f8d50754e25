"""The text of cells of other lessons.

    exec(imports + lessons.source("05a", "room", "hears"), names)

A lesson that compares its program with one of an earlier lesson takes the cells as they stand
there, by their ids, and not a copy that could become another program. Only the text is read:
nothing runs, and stored outputs do not count.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from labsupport.history import course_root

__all__ = ["source"]


def source(lesson: str, *cells: str, root: Path | None = None) -> str:
    """The source of code cells of a lesson, in the order asked for, with a blank line between.

    lesson: its number, such as "05a". cells: their ids in the notebook.
    root: the course's folder; by default the one around the current folder.

    Raises LookupError when there is no such lesson, or when it has no such code cell.
    """
    folder = root or course_root()
    if folder is None:
        raise LookupError(
            "no folder above this one has exercises/. Open the notebook inside of the course's "
            "folder."
        )
    paths = sorted((folder / "notebooks").glob(f"{lesson}_*.ipynb"))
    if len(paths) != 1:
        raise LookupError(f"{folder / 'notebooks'} has {len(paths)} notebooks {lesson}_*.ipynb.")
    stored: dict[str, Any] = json.loads(paths[0].read_text(encoding="utf-8"))
    found = {
        cell["id"]: "".join(cell["source"])  # one text, or a list of lines
        for cell in stored["cells"]
        if cell["cell_type"] == "code"
    }
    missing = [cell for cell in cells if cell not in found]
    if missing:
        raise LookupError(
            f"{paths[0].name} has no code cell {missing[0]!r}. It may have another id by now; "
            f"there are {', '.join(found)}."
        )
    return "\n\n".join(found[cell] for cell in cells)
