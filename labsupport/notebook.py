"""What a notebook gets from `%load_ext labsupport`.

`%%answer slug` as the first line of a cell marks the learner's answer. The cell runs as any other
cell does, with its exceptions, its line numbers and its last value: an input transformer turns the
line into a comment and leaves the rest alone, and the cell's text is remembered when it begins.

`%check slug` judges what that cell last ran, by the same engine as the command line, and shows the
feedback. It blocks the kernel while the checks run and can be interrupted. When the saved notebook
holds another version of the answer, it says so.

`%points slug` gives the points of that answer as the cell's result, for nbgrader, which takes a
test cell's result for its score, and full marks from one that shows neither a number nor an error.
After `%check` of the same answer it judges nothing. It shows no feedback and counts no try.

`from answers import checker` imports the answer to another exercise, as it was saved (mounting). It
is read anew when an answer cell runs.

Two settings besides. Figures that a cell draws by itself become PNG of one size and without a
version number in their metadata. And an interrupt wakes the kernel's event loop, so that it reaches
a cell that only awaits (otherwise it would wait until something else wakes the loop; POSIX).
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from labsupport.checking import (
    Answer,
    EngineError,
    InputError,
    Report,
    check,
    find_course,
    find_exercise,
    mounting,
)
from labsupport.checking.answer import MAGIC
from labsupport.checking.earlier import beside, with_earlier
from labsupport.checking.engine import warm_up
from labsupport.checking.feedback import as_html, as_text
from labsupport.checking.tries import remember

__all__ = ["load_ipython_extension"]

_USAGE = "%check SLUG [--seed N] [--only NAME]"
_POINTS_USAGE = "%points SLUG"


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Make the magics known to a shell. Loading twice changes nothing."""
    _let_it_load_again(shell)
    transforms: list[Any] = shell.input_transformers_cleanup
    if any(isinstance(getattr(each, "__self__", None), Magics) for each in transforms):
        return
    magics = Magics(shell)
    transforms.append(magics.transformed)
    sys.meta_path.insert(0, mounting.Mounting(magics.source_of))
    shell.events.register("pre_run_cell", magics.cell_begins)
    register: Any = shell.register_magic_function
    register(magics.refused, "line", "answer")
    register(magics.check, "line", "check")
    register(magics.points, "line", "points")
    _set_up_figures(shell)
    _let_interrupts_wake_the_loop()


def _let_it_load_again(shell: InteractiveShell) -> None:
    """Let the next `%load_ext labsupport` pass without a word.

    IPython answers a second one with advice to reload. Each notebook begins with that line, and
    Run All in a kernel that has run it would put the advice into the outputs.
    """

    def forget(result: Any) -> None:
        shell.events.unregister("post_run_cell", forget)
        manager: Any = shell.extension_manager
        manager.loaded.discard("labsupport")

    shell.events.register("post_run_cell", forget)


class Magics:
    """The magics of one shell, and the answers that its cells ran."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.home = Path.cwd()  # a lesson may change the current folder later
        self.answers: dict[str, str] = {}
        self.reports: dict[str, Report] = {}  # of whole checks, until the points were asked for

    def transformed(self, lines: list[str]) -> list[str]:
        """Make a first line `%%answer slug` a comment; if the slug is wrong, a call that says so.

        The number of lines stays, and with it the line numbers of errors.
        """
        number, slug = _marked(lines)
        if number is None:
            return lines
        if self._why_not(slug):
            instead = f"get_ipython().run_line_magic('answer', {slug!r})\n"
        else:
            instead = f"# {lines[number].strip()}\n"
        return [*lines[:number], instead, *lines[number + 1 :]]

    def cell_begins(self, info: Any) -> None:
        """Remember the text of an answer cell that is about to run; a check will follow."""
        number, slug = _marked(info.raw_cell.splitlines(keepends=True))
        if number is not None and not self._why_not(slug):
            self.answers[slug] = info.raw_cell
            mounting.forget()
            warm_up()

    def source_of(self, slug: str) -> str:
        """The source of another answer, as its notebook has it. Raises ImportError.

        For a step one that lets Python say, where a name is imported, that the answer has none.
        """
        try:
            return beside(self.home, find_course(self.home))(slug).source
        except InputError as error:
            if "." in slug:
                name = f"{mounting.PACKAGE}.{slug}"
                raise ModuleNotFoundError(str(error), name=name) from None
            raise ImportError(str(error)) from None

    def refused(self, line: str) -> None:
        """Say why a cell cannot be an answer."""
        why = self._why_not(line.strip())
        raise UsageError(why or "An answer cell begins with %%answer, with two percent signs.")

    def _why_not(self, slug: str) -> str:
        """Why there can be no answer to this slug; empty when there can."""
        if not slug:
            return "%%answer needs the slug of an exercise, such as %%answer greet"
        try:
            find_exercise(find_course(self.home), slug)
        except InputError as error:
            return str(error)
        return ""

    def check(self, line: str) -> None:
        """Judge what the answer cell of a slug last ran."""
        slug, seed, only = _arguments(line)
        if slug not in self.answers:
            return self._nothing_to_check(slug)
        root, answer = self._answer(slug)
        try:
            report = check(answer, find_exercise(root, slug), seed=seed, only=only)
        except (InputError, EngineError) as error:
            raise UsageError(str(error)) from None
        if seed is None and only is None:
            self.reports[slug] = report
        # A class's answers are nobody's tries, least of all those of who grades them.
        tries = {} if _is_nbgrader_at_work() else remember(report, root)
        _show(as_text(report, tries), as_html(report, tries))
        if self._saved_differs(answer):
            print(
                "The saved notebook holds another version of this answer. Save the notebook "
                "before you check it in a terminal or hand it in."
            )
        return None

    def points(self, line: str) -> int:
        """The points of what the answer cell of a slug last ran; none when it has not run."""
        words = line.split()
        if len(words) != 1 or words[0].startswith("-"):
            _wrong("it takes a slug and nothing else", _POINTS_USAGE)
        (slug,) = words
        if slug not in self.answers:
            self._nothing_to_check(slug)
            return 0
        root, answer = self._answer(slug)
        report = self.reports.pop(slug, None)
        if report is None or report.inconclusive or report.digest != answer.digest:
            try:
                report = check(answer, find_exercise(root, slug))
            except EngineError as error:
                self._no_score(str(error))
        if report.inconclusive:
            self._no_score(f"Inconclusive: {', '.join(report.inconclusive)}.")
        return report.earned

    def _no_score(self, why: str) -> NoReturn:
        """Raise UsageError; end the kernel where nbgrader runs it.

        nbgrader stores 0 points for a cell that shows an error. Where a kernel ends, it stores
        nothing, goes on with the next student, tells at last whom it could not grade, and grades
        these when it runs again.
        """
        said = f"There is no score. {why} Run it again."
        if _is_nbgrader_at_work():
            kernel: Any = self.shell.kernel  # type: ignore[attr-defined]
            kernel.log.error(said)
            os._exit(1)
        raise UsageError(said)

    def _answer(self, slug: str) -> tuple[Path, Answer]:
        """The course's root, and the answer that a cell last ran. Raises UsageError."""
        hidden: Any = self.shell.user_ns_hidden
        names = [name for name in self.shell.user_ns if name[0] != "_" and name not in hidden]
        try:
            root = find_course(self.home)
            answer = Answer.from_cell(self.answers[slug], slug, elsewhere=names)
            return root, with_earlier(answer, beside(self.home, root))
        except InputError as error:
            raise UsageError(str(error)) from None

    def _nothing_to_check(self, slug: str) -> None:
        if why := self._why_not(slug):
            raise UsageError(why)
        print(
            f"There is no answer to {slug} yet. Run the cell that begins with `%%answer {slug}`, "
            "then this one again."
        )

    def _saved_differs(self, answer: Answer) -> bool:
        """Whether the notebook's file is known and has another answer."""
        path = _notebook_file(self.shell.user_ns)
        if path is None:
            return False
        try:
            return Answer.from_path(path, answer.slug).digest != answer.digest
        except InputError:
            return False  # another notebook, or one that was never saved with this answer


def _is_nbgrader_at_work() -> bool:
    """Whether `nbgrader autograde` runs this kernel: it says so in the environment."""
    return os.environ.get("NBGRADER_EXECUTION") == "autograde"


def _marked(lines: list[str]) -> tuple[int | None, str]:
    """The number of the `%%answer` line, if the first line with text is one, and its slug."""
    for number, line in enumerate(lines):
        if line.strip():
            match = MAGIC.match(line.rstrip("\r\n"))
            return (number, match["slug"] or "") if match else (None, "")
    return None, ""


def _arguments(line: str) -> tuple[str, int | None, str | None]:
    """The slug, seed and name in a line after %check. Raises UsageError."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        _wrong(f"{error}: {line}")
    slug: str | None = None
    seed: int | None = None
    only: str | None = None
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if name in ("--seed", "--only"):
            if not equals:
                if not words:
                    _wrong(f"{name} needs a value")
                value = words.pop(0)
            if name == "--only":
                only = value
            else:
                try:
                    seed = int(value)
                except ValueError:
                    _wrong(f"--seed needs a whole number, not {value!r}")
        elif slug is None and not word.startswith("-"):
            slug = word
        else:
            _wrong(f"{word!r} is not understood")
    if slug is None:
        _wrong("the slug is missing")
    return slug, seed, only


def _wrong(why: str, usage: str = _USAGE) -> NoReturn:
    raise UsageError(f"{why}. It is: {usage}")


def _notebook_file(names: Mapping[str, Any]) -> Path | None:
    """The file of the running notebook where the front end tells it: VS Code, Jupyter servers."""
    told = names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    path = Path(told) if isinstance(told, str) and told else None
    return path if path is not None and path.is_file() else None


def _show(text: str, html: str) -> None:
    display({"text/plain": text, "text/html": html}, raw=True)  # type: ignore[no-untyped-call]


def _set_up_figures(shell: InteractiveShell) -> None:
    """Settings of the inline backend, which reads them when matplotlib is first used."""
    inline = shell.config.InlineBackend
    inline.figure_formats = {"png"}
    inline.rc = {"figure.dpi": 110, "figure.figsize": (8.0, 4.5)}
    inline.print_figure_kwargs = {"bbox_inches": "tight", "metadata": {"Software": None}}


def _let_interrupts_wake_the_loop() -> None:
    """Have a signal write to a pipe that the running event loop reads (signal.set_wakeup_fd).

    Python runs signal handlers only between two instructions of the main thread. A loop that
    sleeps in its selector runs none, and what a handler schedules waits with it.
    """
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        return
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return  # a plain IPython terminal
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    if before != -1:  # somebody else is woken already: leave it so
        signal.set_wakeup_fd(before)
        os.close(reader)
        os.close(writer)
        return
    loop.add_reader(reader, _emptied, reader)


def _emptied(reader: int) -> None:
    os.read(reader, 4096)
