"""Say where in the learner's code something is.

The innermost frame of a blocked thread mostly lies in the standard library, where a learner can
change nothing. So a place is the innermost frame outside of the standard library, of installed
packages and of this package. A notebook's cell is called a cell: its file name contains the
process number of the kernel, which says nothing to the learner and differs in each run.
"""

from __future__ import annotations

import sys
import sysconfig
import threading
import traceback
from collections.abc import Coroutine
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["failure_text", "place_of_coroutine", "place_of_frame", "place_of_thread"]

_LIBRARIES = tuple(
    {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    | {str(Path(__file__).parent)}
)
_CELL = "<cell>"


def _file_name(path: str) -> str:
    """Return a name for path that is the same in every run and on every machine."""
    if Path(path).parent.name.startswith("ipykernel_") or path.startswith("<ipython-input"):
        return _CELL
    return Path(path).name


def _is_library(path: str) -> bool:
    return path.startswith(("<frozen", *_LIBRARIES))


def place_of_frame(frame: FrameType) -> str:
    """Return the place of the innermost frame of the learner's own code: "at ...", one line."""
    stack = traceback.extract_stack(frame)
    own = [summary for summary in stack if not _is_library(summary.filename)]
    if not stack:
        return ""
    return _as_line((own or stack)[-1])


def place_of_thread(thread: threading.Thread) -> str:
    """Return where thread is now; "" when it has ended or not begun."""
    frame = sys._current_frames().get(thread.ident or 0)
    return place_of_frame(frame) if frame is not None else ""


def place_of_coroutine(coroutine: Coroutine[Any, Any, Any]) -> str:
    """Return where a suspended coroutine waits: the innermost await in the learner's own code."""
    found: list[FrameType] = []
    awaited: Any = coroutine
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        if frame is not None:
            found.append(frame)
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    own = [frame for frame in found if not _is_library(frame.f_code.co_filename)]
    if not found:
        return ""
    # A suspended frame has no caller, so its stack is that one frame.
    return _as_line(traceback.extract_stack((own or found)[-1])[-1])


def _as_line(summary: traceback.FrameSummary) -> str:
    name = _file_name(summary.filename)
    spot = f"line {summary.lineno} of a cell" if name == _CELL else f"{name}:{summary.lineno}"
    source = f": {summary.line}" if summary.line else ""
    return f"at {spot}, in {summary.name}{source}"


def failure_text(failure: BaseException) -> str:
    """Return the traceback of failure, from the learner's code on, with cells as cells."""
    report = traceback.TracebackException.from_exception(failure)
    _tidy(report)
    return "".join(report.format())


def _tidy(report: traceback.TracebackException) -> None:
    # The outer frames are those that called the learner's code: threading, asyncio, this package.
    while len(report.stack) > 1 and _is_library(report.stack[0].filename):
        del report.stack[0]
    for frame in report.stack:
        if _file_name(frame.filename) == _CELL:
            frame.filename = _CELL
    for inner in (report.__cause__, report.__context__, *(report.exceptions or ())):
        if inner is not None:
            _tidy(inner)
