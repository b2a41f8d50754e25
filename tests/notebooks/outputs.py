"""Run notebooks and store what changed: `python -m tests.notebooks.outputs [--pictures] [PATHS]`.

Each notebook (default: all lessons, exercises and solutions) runs in a fresh kernel, in its own
folder, with an empty history. A cell's outputs are rewritten only when what strict nbval compares
of them changed, so a port or a duration that differs makes no diff. The same goes for pictures,
which nothing compares: they are rewritten with their cell's text, when a picture came or went, or
with --pictures; so are outputs that the cell's tags take out of the comparison.

Cell ids stay, execution counts become 1 to n, volatile metadata goes. A second run makes no diff.
A notebook with a cell that fails (and is not tagged `raises-exception`) is left as it was.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from nbformat import NotebookNode
from traitlets.config import Config

from tests.notebooks.comparison import Patterns, compared, is_compared, read_patterns, shape
from tests.notebooks.files import FOLDERS, ROOT, as_text, find, node, read
from tests.notebooks.kernels import QUIET, environment, transport

CELL_SECONDS = 60
LARGEST = 1_000_000  # bytes

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python"}  # the rest is the version of whoever ran it last
KEPT_CELL_METADATA = ("tags", "nbgrader")


@dataclass(frozen=True)
class Result:
    """What became of one notebook: the ids of the cells rewritten, and what went wrong."""

    path: Path
    rewritten: tuple[str, ...] = ()
    tidied: bool = False
    fault: str = ""


def refresh(path: Path, *, pictures: bool = False) -> Result:
    """Run the notebook at `path` and store what changed; never raises for a notebook's fault."""
    before = path.read_text(encoding="utf-8")
    stored, fresh = read(path), read(path)
    try:
        run(fresh, path.parent)
    except (CellExecutionError, CellTimeoutError, RuntimeError) as error:  # also of a dead kernel
        return Result(path, fault=f"left untouched: {_failed_cell(fresh)}\n{error}")
    rewritten = merge(stored, fresh, read_patterns(), everything=pictures)
    tidy(stored)
    after = as_text(stored)
    if after != before:
        path.write_text(after, encoding="utf-8", newline="\n")
    size = len(after.encode("utf-8"))
    fault = f"is {size:,} bytes; at most {LARGEST:,} are allowed" if size > LARGEST else ""
    return Result(path, rewritten, after != before, fault)


def run(notebook: NotebookNode, folder: Path) -> None:
    """Execute the notebook in place, in a fresh kernel whose working folder is `folder`."""
    with tempfile.TemporaryDirectory(prefix="outputs-", ignore_cleanup_errors=True) as home:
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            coalesce_streams=True,
            record_timing=False,
            store_widget_state=False,
            shutdown_kernel="immediate",
            extra_arguments=QUIET,
            config=Config({"KernelManager": transport(Path(home))}),
        )
        client.execute(cwd=str(folder), env=environment(Path(home)))


def merge(
    stored: NotebookNode, fresh: NotebookNode, patterns: Patterns, *, everything: bool
) -> tuple[str, ...]:
    """Take over into `stored` the outputs of `fresh` that count as changed; the cells' ids."""
    rewritten = []
    for old, new in zip(stored.cells, fresh.cells, strict=True):
        if old.cell_type == "code" and (
            everything or _changed(old, new, patterns) or _never_ran(old)
        ):
            if old.outputs != new.outputs or _never_ran(old):
                rewritten.append(str(old.id))
            old.outputs = new.outputs
    return tuple(rewritten)


def _changed(old: NotebookNode, new: NotebookNode, patterns: Patterns) -> bool:
    if shape(old.outputs) != shape(new.outputs):
        return True
    return is_compared(old) and compared(old.outputs, patterns) != compared(new.outputs, patterns)


def _never_ran(cell: NotebookNode) -> bool:
    return bool(cell.source.strip()) and cell.execution_count is None


def tidy(notebook: NotebookNode) -> None:
    """Number the cells as one Run All would, and drop the metadata that changes by itself."""
    notebook.metadata = node({"kernelspec": KERNELSPEC, "language_info": LANGUAGE})
    count = 0
    for cell in notebook.cells:
        kept = {key: cell.metadata[key] for key in KEPT_CELL_METADATA if key in cell.metadata}
        cell.metadata = node(kept)
        if cell.cell_type != "code":
            continue
        count += bool(cell.source.strip())
        cell.execution_count = count if cell.source.strip() else None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count


def _failed_cell(notebook: NotebookNode) -> str:
    """The cell at which a run ended: the last one that was given a count."""
    ran = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.execution_count]
    return f"cell {ran[-1].id!r} failed" if ran else "the kernel did not start"


def main(arguments: list[str] | None = None) -> int:
    """The command; 0 when every notebook ran and is small enough, 1 when not, 2 on bad input."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.notebooks.outputs", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--pictures", action="store_true", help="rewrite pictures too")
    parser.add_argument("paths", nargs="*", type=Path, metavar="PATH")
    chosen: Any = parser.parse_args(arguments)
    missing = [path for path in chosen.paths if not path.exists()]
    if missing:
        parser.error(f"there is no {missing[0]}")
    paths = find(chosen.paths or [ROOT / folder for folder in FOLDERS])
    failed = False
    with ProcessPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
        waiting = [pool.submit(refresh, path, pictures=chosen.pictures) for path in paths]
        for one in waiting:
            result = one.result()
            if result.rewritten:
                print(f"{result.path}: rewrote {', '.join(result.rewritten)}")
            elif result.tidied:
                print(f"{result.path}: tidied")
            if result.fault:
                failed = True
                print(f"{result.path}: {result.fault}", file=sys.stderr)
    print(f"{len(paths)} notebook{'s'[: len(paths) != 1]} ran")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
