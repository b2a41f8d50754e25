"""Where a learner stands, drawn for a terminal by rich: the whole course, or one line of it.

On a terminal there are bars and colours; neither says what the words do not say. Into a pipe, and
under NO_COLOR, the same words go without them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from rich.console import Console
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from labsupport.standing import Lesson, Part, Standing, Task
from labsupport.terminal import near

__all__ = ["draw", "draw_briefly", "facts", "say", "screen"]

_BAR = 24  # columns
_PASSED, _BEGUN, _NEXT, _QUIET = "green", "yellow", "bold", "dim"


def screen() -> Console:
    """A console for text as it stands: brackets, colons and numbers in it mean nothing."""
    return Console(markup=False, emoji=False, highlight=False)


def draw(standing: Standing, console: Console) -> None:
    """The course: each lesson, exercise and step, with points, tries, hints, and what is next."""
    following = standing.following()
    if standing.known:
        say(console, f"{_counted(standing.tasks)}.", style="bold")
    else:
        say(console, "Your history cannot be read now. This is the course without it.")
    width = max((len(_titled(lesson)) for lesson in standing.lessons), default=0)
    for number, lesson in enumerate(standing.lessons):
        console.print()
        console.print(_heading(lesson, width, console, standing.known))
        console.print(_table(lesson, following, header=number == 0, known=standing.known))
    console.print()
    for line in _end(standing, following):
        say(console, line)


def draw_briefly(standing: Standing, now: Task, passed: Collection[str], console: Console) -> None:
    """Two lines: how many exercises have passed, and where in its lesson this one is.

    passed: slugs that have, besides those of which the history knows.
    """
    done = [task for task in standing.tasks if task.passed or task.slug in passed]
    count = f"{len(done)} of {len(standing.tasks)} exercises passed."
    if console.is_terminal:
        bar = ProgressBar(len(standing.tasks), len(done), width=_BAR)
        console.print(_beside(bar, Text(count)))
    else:
        say(console, count)
    lesson = next(each for each in standing.lessons if now.slug in {t.slug for t in each.tasks})
    line = Text(f"Lesson {_titled(lesson)}: ")
    for number, task in enumerate(lesson.tasks):
        line.append(", " if number else "")
        if task.slug == now.slug:
            line.append(f"{task.slug} (now)", style=_NEXT)
        elif task in done:
            line.append(f"{task.slug} (passed)", style=_PASSED)
        else:
            line.append(task.slug)
    say(console, line)


def say(console: Console, text: str | Text, style: str = "") -> None:
    """Print a sentence, on a terminal broken between words; lines of their own stay as they are."""
    one_line = "\n" not in str(text).strip()
    console.print(text, style=style, soft_wrap=not (console.is_terminal and one_line))


def facts(task: Task) -> str:
    """Kind and minutes, as the exercise's notebook says them."""
    return f"{task.kind}, {task.minutes} minutes" if task.minutes else task.kind


def _counted(tasks: Collection[Task]) -> str:
    """How much has passed, of each kind, and the points."""
    total = sum(task.passed for task in tasks)
    kinds = []
    for kind in ("core", "stretch"):
        of_kind = [task for task in tasks if task.kind == kind]
        if of_kind:
            kinds.append(f"{kind} {sum(task.passed for task in of_kind)} of {len(of_kind)}")
    points = f"{_points(tasks)} of {_worth(tasks)} points"
    return f"{total} of {len(tasks)} exercises passed ({', '.join(kinds)}), {points}"


def _heading(lesson: Lesson, width: int, console: Console, known: bool) -> Table | Text:
    text = Text(_titled(lesson).ljust(width) if console.is_terminal else _titled(lesson), "bold")
    if not known:
        return text
    said = f"{_points(lesson.tasks)} of {_worth(lesson.tasks)} points"
    if not console.is_terminal:
        return text + Text(f": {said}")
    bar = ProgressBar(max(1, _worth(lesson.tasks)), _points(lesson.tasks), width=_BAR)
    return _beside(text, bar, Text(said))


def _table(lesson: Lesson, following: Task | None, *, header: bool, known: bool) -> Padding:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style=_QUIET, show_header=header)
    table.add_column("exercise", min_width=24, overflow="fold")
    table.add_column("kind", min_width=7)
    for name in ("points", "tries", "hints"):
        table.add_column(name, justify="right", min_width=8 if name == "points" else 5)
    table.add_column("passed", min_width=16)
    for task in lesson.tasks:
        is_next = following is not None and task.slug == following.slug
        for part in (task.parts[-1], *task.parts[:-1]):
            own = part is task.parts[-1]
            name = part.slug if own else f"  {part.slug}"
            table.add_row(
                Text(name, style=_NEXT if is_next and own else ""),
                task.kind if own else "step",
                *_numbers(part, known),
                _state(part, is_next and own, known),
            )
        if task.problem:
            table.add_row(Text(f"  {task.problem}", style=_BEGUN))
    return Padding(table, (0, 0, 0, 2))


def _numbers(part: Part, known: bool) -> Iterable[str]:
    if not known:
        return f"{part.total}", "", ""
    return f"{part.points} of {part.total}", f"{part.tries}", f"{part.hints}"


def _state(part: Part, is_next: bool, known: bool) -> Text:
    if not known:
        return Text("not known", style=_QUIET)
    if part.passed:
        return Text(_local(part.passed), style=_PASSED)
    begun = "begun" if part.tries else "not begun"
    style = _NEXT if is_next else _BEGUN if part.tries else _QUIET
    return Text(f"next, {begun}" if is_next else begun, style=style)


def _end(standing: Standing, following: Task | None) -> Iterable[str]:
    """What to do next, and what the columns count."""
    if standing.known and following is None:
        yield "Every exercise has passed."
    elif standing.known and following is not None:
        yield f"Next: {following.slug} ({facts(following)}), in {near(following.notebook)}"
        if following.kind == "stretch":
            core = standing.following(following.slug, kind="core")
            if core is not None:
                yield f"Stretch means optional; the next core exercise is {core.slug}."
        yield "To have it checked at every save: labsupport watch"
    yield (
        "Points are those of your best answer, tries are different answers, hints are those that "
        "a failed check has shown."
    )


def _titled(lesson: Lesson) -> str:
    return f"{lesson.number} {lesson.title}".strip()


def _points(tasks: Iterable[Task]) -> int:
    return sum(part.points for task in tasks for part in task.parts)


def _worth(tasks: Iterable[Task]) -> int:
    return sum(part.total for task in tasks for part in task.parts)


def _local(moment: str) -> str:
    """A moment of the history on this machine's clock, to the minute."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M}"


def _beside(*pieces: Text | ProgressBar) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_row(*pieces)
    return grid
