"""What the commands of the terminal share: one answer judged, and words that any terminal takes.

`labsupport check` and `labsupport watch` judge through `judged` and tell through `told`, so that
they say the same of the same answer.
"""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import click

from labsupport.checking import Answer, InputError, Report, check, find_exercise
from labsupport.checking.feedback import as_text
from labsupport.checking.tries import remember
from labsupport.history import HistoryWarning

__all__ = ["judged", "near", "speak_plainly", "told"]


def judged(
    answer: Answer,
    path: Path,
    root: Path,
    *,
    seed: int | None = None,
    only: str | None = None,
    hidden: bool = False,
    variant: Mapping[str, Any] | None = None,
) -> Report:
    """What the checks say of an answer, which came from `path`, in the course at `root`.

    variant: constants of a student; by default those of this copy of the course.
    Raises InputError when there is nothing to run: no such exercise or check, no valid Python.
    Raises EngineError when the checks themselves could not be run to their end.
    """
    folder = find_exercise(root, answer.slug)
    report = check(answer, folder, seed=seed, only=only, hidden=hidden, variant=variant)
    if report.problem_kind == "syntax":
        raise InputError(f"{path}: nothing was run.\n{report.problem}")
    return report


def told(report: Report, root: Path, file: str | None = None, student: str | None = None) -> str:
    """Enter a report into the history and return it as text, with the hints that are earned.

    file: the file of the answer, for the command that replays; None for the exercise's notebook.
    student: by whose constants it was judged. An instructor's look, which ran the hidden checks
    too, or judged by a student's constants, is no try and is not entered.
    """
    looked = report.hidden or student is not None
    return as_text(report, {} if looked else remember(report, root), file, student)


def near(path: Path) -> Path:
    """The path from here, where it lies below the current folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def speak_plainly() -> None:
    """Let no letter end a command, and say what is wrong with a history as a sentence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # feedback quotes any text; a pipe may be ASCII
    usual = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, HistoryWarning):
            click.echo(str(message), err=True)
        else:
            usual(message, category, filename, lineno, file, line)

    warnings.showwarning = show
