"""`labsupport grade`: what a class handed in is collected, judged and written down.

On a terminal a bar tells how far it is, how fast and how long; elsewhere each answer is a line.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
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
from labsupport.checking.exercise import Exercise, choose_exercise
from labsupport.checking.showing import clean, count
from labsupport.grading.cluster import Cluster
from labsupport.grading.files import Refused, files_in, readable
from labsupport.grading.formats import classroom50, gradescope, write_junit
from labsupport.grading.gradebook import Row, rows, tasks, write_csv
from labsupport.grading.handed import Student, handed_in, read_roster, submitted
from labsupport.grading.pages import write_pages
from labsupport.grading.running import Done, Judges, Local, Tally, at_once, judge_all
from labsupport.grading.store import Store
from labsupport.grading.versions import Versions
from labsupport.grading.whose import Whose
from labsupport.progress import say, screen
from labsupport.terminal import near

__all__ = ["Order", "grade", "say_refused", "with_steps"]

ALL, NOT_ALL, INTERRUPTED = 0, 1, 130
_SHOWN = 20  # refused files that are listed; the number of the others is told
_WARN = "yellow"


@dataclass(frozen=True, slots=True)
class Order:
    """What to grade, and what to write.

    submissions: a folder or an archive. into: the folder for all that is written. exercises: slugs,
    with their steps; without any, all that was handed in. student: whose all of it is. due: in this
    machine's time, where it names no time zone. jobs: answers at a time on this machine. cluster:
    the address of a Dask scheduler, whose workers judge instead.
    """

    submissions: Path
    into: Path
    exercises: tuple[str, ...] = ()
    roster: Path | None = None
    student: str | None = None
    due: datetime | None = None
    formats: tuple[str, ...] = ()
    jobs: int | None = None
    cluster: str | None = None


def grade(root: Path, order: Order) -> int:
    """Do it, in the course at `root`; the exit status of the command.

    Raises InputError and EngineError.
    """
    console = screen()
    hidden = (root / "solutions" / "hidden").is_dir()
    known = tasks(root, hidden=hidden)
    wanted = with_steps(root, order.exercises, known)
    whose = Whose(root, known)
    students = read_roster(order.roster) if order.roster else None
    if order.student is not None:
        student = Student(readable(order.student))
        order, students = replace(order, student=student.id), [student]
    with Store(order.into / "store.sqlite") as store:
        refused = _collect(store, root, order, known, hidden, whose, console)
        if not wanted and not store.slugs():
            raise InputError(
                f"{order.submissions} holds no answer to any exercise of this course. Give the "
                "folder that has a folder for each student, with notebooks or Python files in them."
            )
        if not hidden:
            say(console, "There is no folder solutions/hidden: hidden checks are not run.", _WARN)
        if whose.secret is not None:
            say(console, "Each student's answers are judged by the constants of that student.")
        chosen = wanted or store.slugs()
        slugs = [slug for slug in known if slug in chosen]
        different, before = store.count(slugs)
        say(console, f"{count(different, 'different answer')}, {before} judged before.")
        waiting = different - before
        with _judges(root, order, slugs, hidden, whose, waiting, console) as judges:
            with _telling(console, waiting) as tell:
                tally = judge_all(store, slugs, judges, tell)
        due = order.due.astimezone() if order.due else None
        table = partial(rows, store, slugs, students, due)
        _write(order, table, {slug: known[slug] for slug in slugs}, refused, console)
        if students is not None:
            strangers = sorted(set(store.students()) - {student.id for student in students})
            if strangers:
                say(console, f"Not in the roster: {clean(', '.join(strangers))}.", _WARN)
    return _concluded(tally, console)


def with_steps(root: Path, slugs: Iterable[str], known: Iterable[str]) -> set[str]:
    """The slugs that were asked for, and their steps. Raises InputError where there is none."""
    wanted: set[str] = set()
    for slug in slugs:
        found = {each for each in known if each == slug or each.startswith(f"{slug}.")}
        if not found:
            choose_exercise(find_exercise(root, slug), slug)
        wanted |= found
    return wanted


def _collect(
    store: Store,
    root: Path,
    order: Order,
    known: Iterable[str],
    hidden: bool,
    whose: Whose,
    console: Console,
) -> list[Refused]:
    versions = Versions(root)

    def key_of(student: str, answer: Answer, seed: int) -> str:
        constants = whose.constants(student, answer.slug)
        folder = find_exercise(root, answer.slug)
        return versions.key(answer, folder, seed, hidden, constants)

    place = order.submissions if order.student else submitted(order.submissions)
    refused = store.collect(handed_in(files_in(place), known, order.student), key_of)
    say_refused(refused, console)
    return refused


@contextlib.contextmanager
def _judges(
    root: Path,
    order: Order,
    slugs: list[str],
    hidden: bool,
    whose: Whose,
    waiting: int,
    console: Console,
) -> Iterator[Judges]:
    """Who is to judge `waiting` answers."""
    if order.cluster is None:
        with Local(root, hidden=hidden, jobs=order.jobs or at_once(), whose=whose) as local:
            yield local
        return
    with Cluster(
        order.cluster, root, slugs, hidden=hidden, whose=whose, waiting=waiting
    ) as cluster:
        say(console, cluster.said)
        yield cluster


def _write(
    order: Order,
    table: Callable[[], Iterator[Row]],
    exercises: dict[str, Exercise],
    refused: list[Refused],
    console: Console,
) -> None:
    """Write what was asked for; everything is read from the store once more for each file."""
    book = order.into / "gradebook.csv"
    with _replacing(book) as file:
        write_csv(file, table(), exercises)
    if "junit" in order.formats:
        with _replacing(order.into / "junit.xml") as file:
            write_junit(file, table(), exercises)
    if "gradescope" in order.formats:
        with _replacing(order.into / "results.json") as file:
            unread = [_not_read(each) for each in refused[:_SHOWN]]
            json.dump(gradescope(next(table()), exercises, unread), file)
    if "classroom50" in order.formats:
        result = classroom50(next(table()), exercises, os.environ, datetime.now(UTC))
        with _replacing(order.into / "result.json") as file:
            json.dump(result, file)
    try:
        pages = write_pages(order.into, table(), exercises)
    except OSError as error:
        raise InputError(_unwritten(order.into, error)) from error
    say(console, f"The gradebook: {near(book)}")
    say(console, f"The class and its students: {near(pages)}")


def say_refused(refused: list[Refused], console: Console) -> None:
    """Name the files that were not read; of many, the first ones."""
    for each in refused[:_SHOWN]:
        say(console, _not_read(each), _WARN)
    if len(refused) > _SHOWN:
        say(console, f"Not read: {len(refused) - _SHOWN} files more.", _WARN)


def _not_read(refused: Refused) -> str:
    return f"Not read: {clean(refused.path)} {clean(refused.why)}."


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
    who = clean(f"{first} and {len(others)} more" if others else first)
    if done.report is None:
        return f"{done.pending.answer.slug}, {who}: not judged. {done.problem}"
    report = done.report
    points = f"{report.earned} of {sum(each.points for each in report.results)} points"
    return f"{report.slug}, {who}: {points}" + (
        f"; inconclusive: {', '.join(report.inconclusive)}" if report.inconclusive else ""
    )


def _concluded(tally: Tally, console: Console) -> int:
    """Say what a run left to do; the exit status."""
    if tally.stopped:
        say(console, f"Interrupted. {tally.judged} verdicts were stored; run it again to go on.")
        return INTERRUPTED
    for number, what in (
        (tally.inconclusive, "inconclusive: the machine was too busy, or a check broke"),
        (tally.failed, "not judged"),
    ):
        if number:
            say(console, f"{number} {what}. Run it again to judge these.", _WARN)
    return NOT_ALL if tally.inconclusive or tally.failed else ALL


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[IO[str]]:
    """A file that takes the place of the one at `path` when it is complete. Raises InputError."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", errors="replace", newline="") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise InputError(_unwritten(path, error)) from error


def _unwritten(path: Path, error: OSError) -> str:
    return (
        f"{path} cannot be written: {error.strerror}. The verdicts are stored; run it again to "
        "write what is made of them."
    )
