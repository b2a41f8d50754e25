"""`labsupport grade`: what a class handed in is collected, judged and written down.

On a terminal a bar tells how far it is, how fast and how long; elsewhere each answer is a line.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from labsupport.checking import Answer, InputError, find_exercise
from labsupport.checking.engine import shut_down
from labsupport.checking.showing import count
from labsupport.grading.files import Refused, files_in
from labsupport.grading.gradebook import rows, tasks, write_csv
from labsupport.grading.handed import handed_in, read_roster
from labsupport.grading.pages import write_pages
from labsupport.grading.running import Done, Tally, at_once, judge_all
from labsupport.grading.store import Store
from labsupport.grading.versions import Versions
from labsupport.progress import say, screen
from labsupport.terminal import near

__all__ = ["grade"]

ALL, NOT_ALL, INTERRUPTED = 0, 1, 130
_SHOWN = 20  # refused files that are listed; the number of the others is told
_WARN = "yellow"


def grade(
    root: Path,
    submissions: Path,
    roster: Path | None,
    due: datetime | None,
    into: Path,
    jobs: int | None,
) -> int:
    """Grade a class in the course at `root`; the exit status of the command.

    due: in this machine's time, where it names no time zone. Raises InputError and EngineError.
    """
    console = screen()
    hidden = (root / "solutions" / "hidden").is_dir()
    known = tasks(root, hidden=hidden)
    students = read_roster(roster) if roster else None
    versions = Versions(root)

    def key_of(answer: Answer, seed: int) -> str:
        return versions.key(answer, find_exercise(root, answer.slug), seed, hidden)

    with Store(into / "store.sqlite") as store:
        refused = store.collect(handed_in(files_in(submissions), known), key_of)
        _say_refused(refused, console)
        if not store.slugs():
            raise InputError(
                f"{submissions} holds no answer to any exercise of this course. Give the folder "
                "that has a folder for each student, with notebooks or Python files in them."
            )
        if not hidden:
            say(console, "There is no folder solutions/hidden: hidden checks are not run.", _WARN)
        different, before = store.count()
        say(console, f"{count(different, 'different answer')}, {before} judged before.")
        try:
            with _telling(console, different - before) as tell:
                tally = judge_all(store, root, hidden=hidden, jobs=jobs or at_once(), tell=tell)
        finally:
            shut_down()
        exercises = {slug: each for slug, each in known.items() if slug in store.slugs()}
        table = partial(rows, store, exercises, students, due.astimezone() if due else None)
        book = into / "gradebook.csv"
        with _replacing(book) as file:
            write_csv(file, table(), exercises)
        try:
            pages = write_pages(into, table(), exercises)
        except OSError as error:
            raise InputError(_unwritten(into, error)) from error
        if students is not None:
            strangers = sorted(set(store.students()) - {student.id for student in students})
            if strangers:
                say(console, f"Not in the roster: {', '.join(strangers)}.", _WARN)
    say(console, f"The gradebook: {near(book)}")
    say(console, f"The class and its students: {near(pages)}")
    return _concluded(tally, console)


def _say_refused(refused: list[Refused], console: Console) -> None:
    for each in refused[:_SHOWN]:
        say(console, f"Not read: {each.path} {each.why}.", _WARN)
    if len(refused) > _SHOWN:
        say(console, f"Not read: {len(refused) - _SHOWN} files more.", _WARN)


@contextlib.contextmanager
def _telling(console: Console, total: int) -> Iterator[Callable[[Done], None]]:
    """Tells of each answer that was judged."""
    if not console.is_terminal:
        yield lambda done: say(console, _line(done))
        return
    columns = (BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(TextColumn("Judging"), *columns, console=console) as progress:
        task = progress.add_task("", total=total)

        def tell(done: Done) -> None:
            progress.advance(task)
            if done.report is None:
                say(console, _line(done), _WARN)

        yield tell


class _Rate(ProgressColumn):
    """Answers a second, of late."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


def _line(done: Done) -> str:
    first, *others = done.pending.students
    who = f"{first} and {len(others)} more" if others else first
    if done.report is None:
        return f"{done.pending.answer.slug}, {who}: not judged. {done.problem}"
    report = done.report
    unsure = [each.name for each in report.results if each.verdict == "inconclusive"]
    points = f"{report.earned} of {sum(each.points for each in report.results)} points"
    return f"{report.slug}, {who}: {points}" + (
        f"; inconclusive: {', '.join(unsure)}" if unsure else ""
    )


def _concluded(tally: Tally, console: Console) -> int:
    """Say what a run left to do; the exit status."""
    if tally.stopped:
        say(console, f"Interrupted. {tally.judged} verdicts were stored; run it again to go on.")
        return INTERRUPTED
    for number, what in (
        (tally.inconclusive, "inconclusive: the machine was too busy, or a check broke"),
        (len(tally.failures), "not judged"),
    ):
        if number:
            say(console, f"{number} {what}. Run it again to judge these.", _WARN)
    return NOT_ALL if tally.inconclusive or tally.failures else ALL


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[IO[str]]:
    """A file that takes the place of the one at `path` when it is complete. Raises InputError."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise InputError(_unwritten(path, error)) from error


def _unwritten(path: Path, error: OSError) -> str:
    return (
        f"{path} cannot be written: {error.strerror}. The verdicts are stored; run it again to "
        "write what is made of them."
    )
