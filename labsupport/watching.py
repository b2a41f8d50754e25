"""`labsupport watch`: an exercise is judged whenever it is saved, and the next one follows.

What counts is the state of a file and not the kind of its change: editors save in place, through
a temporary file that is renamed, or in several steps. A change says that it is time to look; since
not every file system tells of every change, the few files of the exercise are looked at anyway,
several times a second. Two looks at the same answer judge it once.

A notebook may hold several answers: the steps and, last, the exercise's own. At a look each answer
that was changed is judged; so is the first that has not passed, and when it does, the next. So the
steps lead to the exercise, and whoever leaves them out still hears of what they write.

Whatever is wrong with a file is said, and the watch goes on. It ends with the last exercise, or by
Ctrl-C, the end of its terminal or a request to terminate, and leaves no process behind.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from rich.console import Console
from watchfiles import Change
from watchfiles import watch as watch_files

from labsupport.checking import Answer, EngineError, InputError, Report, find_exercise
from labsupport.checking.earlier import beside, with_earlier
from labsupport.checking.engine import shut_down
from labsupport.progress import draw_briefly, facts, say
from labsupport.standing import Task, read_standing
from labsupport.terminal import judged, near, told

__all__ = ["watch"]

_QUIET = 50  # milliseconds without a change, after which a save is taken to be complete
_GLANCE = 200  # milliseconds between two looks at files of which nothing is told
_GOOD, _BAD = "bold green", "yellow"

_Stamp = tuple[int, int] | None


def watch(root: Path, slug: str | None, console: Console) -> None:
    """Watch the course at `root`, from the exercise `slug` or the first that has not passed.

    Returns when every exercise has passed or an interrupt ended it. Raises InputError when there is
    no such exercise, and when the course's folder goes away.
    """
    _let_signals_interrupt()
    try:
        _Watch(root, console).run(slug)
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # the terminal may be gone
            console.print("\nThe watch has ended.")
    finally:
        shut_down()


@dataclass(frozen=True, slots=True)
class _Known:
    """An answer as it was last seen. report: None until it was judged. told: so was the report."""

    digest: str
    report: Report | None = None
    told: bool = False

    @property
    def passed(self) -> bool:
        return self.report is not None and self.report.passed


class _Watch:
    """The exercise that is watched now, and what is known of its answers."""

    def __init__(self, root: Path, console: Console) -> None:
        self.root = root
        self.console = console
        self.passed: set[str] = set()  # in this watch, whether or not a history can be kept
        self.stamps: dict[Path, _Stamp] = {}  # of its files, at the last look
        self.known: dict[str, _Known] = {}
        self.named: set[str] = set()  # other exercises of whose saves the learner was told

    def run(self, slug: str | None) -> None:
        first = self._first(slug)
        with contextlib.closing(_glances(self.root / "exercises", self._say)) as glances:
            next(glances)  # from here on every change is told
            task = self._entered(first, aloud=True)
            while task is not None:
                self._say_elsewhere(next(glances), task)
                task = self._saved(task)

    # ---- which exercise ----

    def _first(self, slug: str | None) -> Task | None:
        standing = read_standing(self.root)
        if slug is None:
            return standing.following()
        find_exercise(self.root, slug)
        task = standing.task(slug)
        slugs = [part.slug for part in task.parts]
        if not task.problem and slug not in slugs:
            raise InputError(f"There is no {slug!r}. {task.slug} has: {', '.join(slugs)}.")
        return task

    def _entered(self, task: Task | None, *, aloud: bool) -> Task | None:
        """Begin an exercise, and as long as the answers that are there pass, the one behind it.

        aloud: with the feedback to the answer as it is now; otherwise feedback waits for a save.
        """
        while task is not None:
            self.known = {}
            self.stamps = {path: _stamp(path) for path in self._answers(task)}
            self._say(f"\nNow: {task.slug} ({facts(task)})", style="bold")
            if not self._look(task, self._newest(task), aloud=aloud):
                self._stand(task)
                return task
            task, aloud = self._passed(task), False
        self._say("\nEvery exercise has passed.", style=_GOOD)
        return None

    def _passed(self, task: Task) -> Task | None:
        """Say what there is to say of an exercise that has passed; the next one."""
        self.passed.add(task.slug)
        self._say(f"\n{task.slug} has passed.", style=_GOOD)
        solution = self.root / "solutions" / f"{task.slug}.ipynb"
        if solution.is_file():
            self._say(f"The course's own solution: {near(solution)}")
        standing = read_standing(self.root)
        following = standing.following(task.slug, besides=self.passed)
        if following is not None and following.kind == "stretch":
            core = standing.following(following.slug, besides=self.passed, kind="core")
            if core is not None:
                self._say(
                    f"The next is stretch, which means optional. The next core exercise: "
                    f"labsupport watch {core.slug}"
                )
        return following

    # ---- what was saved ----

    def _saved(self, task: Task) -> Task | None:
        """Look at the files that are not as they were at the last look; what is watched then."""
        looked = False
        for path, last in self.stamps.items():
            if (stamp := _stamp(path)) != last:
                looked = True
                # It is from before the file is read, so what is written meanwhile differs from it.
                self.stamps[path] = stamp
                self._mark(f"{path.name}, {datetime.now():%H:%M:%S}")
                if self._look(task, path, aloud=True):
                    return self._entered(self._passed(task), aloud=False)
        if looked:
            self._stand(task)
        return task

    def _answers(self, task: Task) -> dict[Path, list[str]]:
        """The files that may hold answers, and to what."""
        slugs = [part.slug for part in task.parts]
        return {task.notebook: slugs} | {task.folder / f"{slug}.py": [slug] for slug in slugs}

    def _newest(self, task: Task) -> Path:
        """The file that was saved last."""
        there = [(stamp[0], path) for path, stamp in self.stamps.items() if stamp is not None]
        return max(there)[1] if there else task.notebook

    def _say_elsewhere(self, paths: list[Path], task: Task) -> None:
        """Say of other saves that they are not judged; of another exercise it is said once."""
        for path in paths:
            if path in self.stamps or not path.is_file():
                continue
            if path.parent == task.folder:
                names = [each.name for each in self.stamps if each.suffix == ".py"]
                self._say(
                    f"{near(path)} is not judged: a file with an answer is named "
                    f"{' or '.join(names)}."
                )
                continue
            for other in read_standing(self.root).tasks:
                if path in self._answers(other) and other.slug not in self.named:
                    self.named.add(other.slug)
                    self._say(
                        f"{near(path)} was saved, but {task.slug} is being watched. To go there: "
                        f"Ctrl-C, then labsupport watch {other.slug}"
                    )

    # ---- one look at one file ----

    def _look(self, task: Task, path: Path, *, aloud: bool) -> bool:
        """Judge the answers in a file, as the module says; whether the exercise itself passes."""
        if not path.is_file():
            self._say(f"{near(path)} is not there. Put it back; the watch goes on.", style=_BAD)
            return False
        file = None if path == task.notebook else str(near(path))
        find = beside(path.parent, self.root)
        said: set[str] = set()
        passed = True  # so far, from the top
        for slug in self._answers(task)[path]:
            known = self.known.get(slug)
            try:
                answer = with_earlier(Answer.from_path(near(path), slug), find)
                reached = known == _Known(answer.digest)  # its turn may come, but no save of it did
                seen = self._seen(answer, path, wanted=passed)
                self.known[slug] = self._told(seen, file, aloud=aloud and not reached)
            except (InputError, EngineError) as error:
                self.known[slug] = _Known("")  # so that the next save is one of another answer
                if str(error) not in said:
                    self._say(str(error), style=_BAD)
                said.add(str(error))
            passed = passed and self.known[slug].passed
            if self.known[slug] != known:
                said.add(slug)
        if aloud and not said:
            self._say("No answer in it has changed, so none was judged again.")
        exercise = self.known.get(task.slug)
        return exercise is not None and exercise.passed

    def _seen(self, answer: Answer, path: Path, *, wanted: bool) -> _Known:
        """What is known of an answer, which is judged if it was changed, or if it is wanted."""
        last = self.known.get(answer.slug, _Known(answer.digest))
        if last.digest == answer.digest and (last.report is not None or not wanted):
            return last
        self._say(f"Checking {answer.slug} ...", style="dim")
        return _Known(answer.digest, judged(answer, near(path), self.root))

    def _told(self, known: _Known, file: str | None, *, aloud: bool) -> _Known:
        """Tell a report once, in full; in a line, for now, when nothing of it was saved yet."""
        report = known.report
        if report is None or known.told:
            return known
        if not aloud and not report.passed:
            self._say(f"{report.slug}: {report.earned} of {report.total} points so far.")
            return known
        text = told(report, self.root, file)
        if aloud:
            self.console.print(text, soft_wrap=True)  # line by line what `labsupport check` prints
        else:
            self._say(f"{report.slug} passes.")
        return _Known("") if report.inconclusive else replace(known, told=True)

    # ---- words ----

    def _stand(self, task: Task) -> None:
        """Where the learner is, and what is waited for."""
        self.console.print()
        draw_briefly(read_standing(self.root), task, self.passed, self.console)
        points = []
        for part in task.parts:
            known = self.known.get(part.slug)
            if known is None or known.report is None:
                points.append(f"{part.slug} not judged yet")
            else:
                points.append(f"{part.slug} {known.report.earned} of {known.report.total} points")
        self._say(f"{', '.join(points)}.")
        self._say(f"Waiting for a save of {near(task.notebook)}. Ctrl-C ends the watch.")

    def _mark(self, text: str) -> None:
        """The beginning of what belongs to one save."""
        self.console.print()
        if self.console.is_terminal:
            self.console.rule(text, align="left", style="dim")
        else:
            self._say(text)

    def _say(self, text: str, style: str = "") -> None:
        say(self.console, text, style)


def _stamp(path: Path) -> _Stamp:
    """What differs after a save: the time in nanoseconds, and the size; None without a file."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_mtime_ns, seen.st_size


def _glances(folder: Path, warn: Callable[[str], None]) -> Generator[list[Path], None, None]:
    """It is time to look: soon after each change below the folder, and now and then without one.

    Gives the files that may hold answers and have changed. Raises InputError when the folder cannot
    be watched, or goes away.
    """
    for polling in (None, True):
        changes = watch_files(
            folder,
            watch_filter=_may_be_answer,
            step=_QUIET,
            rust_timeout=_GLANCE,
            yield_on_timeout=True,
            force_polling=polling,
        )
        try:
            for changed in changes:
                if not folder.is_dir():
                    raise InputError(f"{folder} is gone, so there is nothing left to watch.")
                yield sorted({Path(path) for _, path in changed})
        except (OSError, RuntimeError) as error:  # this user has no more inotify watches, perhaps
            if polling:
                raise InputError(f"{folder} cannot be watched: {error}.") from error
            warn(f"This system does not tell of changes ({error}). The files are read instead.")


def _may_be_answer(change: Change, path: str) -> bool:
    """Notebooks and Python files, but not what editors and JupyterLab keep beside them."""
    name = Path(path).name
    return name.endswith((".ipynb", ".py")) and name[0] not in ".#" and name != "checks.py"


def _let_signals_interrupt() -> None:
    """Let the end of the terminal and a request to terminate do what Ctrl-C does."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
