"""The command `labsupport`.

    labsupport check SLUG [FILE] [--seed N] [--only CHECK] [--hidden] [--student ID]
    labsupport watch [SLUG]
    labsupport progress
    labsupport grade SUBMISSIONS [--roster FILE] [--due TIME] [--into FOLDER]
                     [--exercise SLUG]... [--student ID] [--format FORMAT]...
                     [--jobs N | --cluster ADDRESS]
    labsupport similar SUBMISSIONS [--exercise SLUG]... [--into FOLDER]
    labsupport autograder SLUG... [--into FILE]
    labsupport release TARGET [--variant-by student --roster FILE]
    labsupport doctor

`check` judges an answer once. FILE is a notebook or a .py file; without it the exercise's own
notebook is judged. The exit status is 0 when every check that was asked for passed, and 1 when one
did not; a check that is inconclusive did not, and is listed with the others. --hidden is for the
instructor: it runs the hidden checks too and shows all that they found. So is --student, which
judges by the constants that `release` drew for a student.

`watch` judges at every save and leads from one exercise to the next. Ctrl-C is how it ends, so the
exit status is then 0, as when every exercise has passed.

`progress` draws where the learner stands, from the history of all checks.

`grade` judges the answers of a class, each once, and writes their gradebook. The exit status is 0
when every answer that can be read has a verdict, and 1 when one has not, or an inconclusive one,
and 130 after Ctrl-C: the same command again judges what is missing, and nothing else.

`similar` compares the answers of a class with each other; what it finds is for a person to judge,
so the exit status is 0 whether or not there are pairs.

`autograder` writes the archive with which Gradescope grades.

`release` writes the learners' copy of the course: without solutions, hidden checks and what only
their author needs. With --variant-by, each student of the roster has one with other constants.

`doctor` says what this machine permits, and how to raise it. The exit status is 1 when something is
missing without which the course does not run. `python -m labsupport.doctor` says the same where not
even this command starts.

For all of them, the exit status is 2 when what was given cannot be used (a message says why), and 3
when the command could not do its work: the checks could not run, the history cannot be read.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from labsupport import __version__
from labsupport.checking import Answer, EngineError, InputError, find_course, find_exercise
from labsupport.checking.earlier import beside, with_earlier
from labsupport.checking.variants import SECRET
from labsupport.terminal import judged, near, speak_plainly, told

__all__ = ["main"]

PASSED, NOT_PASSED, BAD_INPUT, BROKEN = 0, 1, 2, 3
_INSTALL = "make lab installs it, and python -m labsupport.doctor says what else is missing."


class _Commands(click.Group):
    """What ends a command ends it with a message and its status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except InputError as error:
            click.echo(str(error), err=True)
            sys.exit(BAD_INPUT)
        except EngineError as error:
            click.echo(str(error), err=True)
            sys.exit(BROKEN)
        except ModuleNotFoundError as error:
            click.echo(f"The course needs what is not installed: {error}. {_INSTALL}", err=True)
            sys.exit(BAD_INPUT)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="labsupport")
def main() -> None:
    """Network Programming, Live: check your answers from a terminal."""
    speak_plainly()


@main.command("check")
@click.argument("slug")
@click.argument("file", required=False)
@click.option("--seed", type=int, metavar="N", help="Draw all data from this seed.")
@click.option("--only", metavar="CHECK", help="Run only the check with this name.")
@click.option("--hidden", is_flag=True, help="Run the instructor's hidden checks too.")
@click.option("--student", metavar="ID", help="Judge by the constants of this student's task.")
def check_command(
    slug: str,
    file: str | None,
    seed: int | None,
    only: str | None,
    hidden: bool,
    student: str | None,
) -> None:
    """Judge an answer by the checks of an exercise.

    SLUG names the exercise, such as greet, or a step of it, such as framing.header. FILE is the
    notebook or the .py file with the answer; without it, the exercise's own notebook.
    """
    starts = [Path.cwd()]
    if file is not None:
        starts.append(Path(file).resolve().parent)
    root = find_course(*starts)
    folder = find_exercise(root, slug)
    path = Path(file) if file is not None else folder / f"{slug.partition('.')[0]}.ipynb"
    answer = with_earlier(Answer.from_path(path, slug), beside(path.parent, root))
    variant = None if student is None else _constants(root, folder, slug, student)
    report = judged(answer, path, root, seed=seed, only=only, hidden=hidden, variant=variant)
    click.echo(told(report, root, file, student))
    sys.exit(PASSED if report.passed else NOT_PASSED)


@main.command("watch")
@click.argument("slug", required=False)
def watch_command(slug: str | None) -> None:
    """Judge an exercise whenever it is saved, until you press Ctrl-C.

    Saved is its notebook, or beside it a Python file with its name, such as framing.py. SLUG names
    the exercise; without it, the first one that has not passed. Of a notebook with a step, the step
    comes first; what you change is judged in any case. When the exercise passes, the next one that
    has not follows.
    """
    from labsupport.progress import screen
    from labsupport.watching import watch

    watch(find_course(Path.cwd()), slug, screen())


@main.command("progress")
def progress_command() -> None:
    """Draw where you stand: points, tries, hints, what has passed and what is next."""
    from labsupport.progress import draw, screen
    from labsupport.standing import read_standing

    standing = read_standing(find_course(Path.cwd()))
    draw(standing, screen())
    sys.exit(PASSED if standing.known else BROKEN)


@main.command("grade")
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option(
    "--roster", type=click.Path(path_type=Path), metavar="FILE", help="CSV with the column id."
)
@click.option(
    "--due",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]),
    metavar="TIME",
    help="Mark what came later, such as 2026-12-01T18:00, as late.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default="graded",
    show_default=True,
    metavar="FOLDER",
    help="Where the verdicts and the gradebook go.",
)
@click.option(
    "--exercise",
    "exercises",
    multiple=True,
    metavar="SLUG",
    help="Grade this exercise, and its steps; by default all that anybody handed in.",
)
@click.option("--student", metavar="ID", help="All that lies in SUBMISSIONS is of this student.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(["junit", "gradescope", "classroom50"]),
    help="Write junit.xml; with --student, Gradescope's results.json, Classroom 50's result.json.",
)
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="Answers to judge at a time.")
@click.option(
    "--cluster", metavar="ADDRESS", help="Judge on the Dask cluster at tcp://HOST:PORT instead."
)
def grade_command(
    submissions: Path,
    roster: Path | None,
    due: datetime | None,
    into: Path,
    exercises: tuple[str, ...],
    student: str | None,
    formats: tuple[str, ...],
    jobs: int | None,
    cluster: str | None,
) -> None:
    """Judge the answers of a class and write its gradebook.

    SUBMISSIONS is a folder with a folder for each student, nbgrader's course folder, or a zip or
    tar archive of such, also as Moodle and Canvas export it. What was judged before is kept in the
    folder of --into: a run that was ended goes on there.
    """
    from labsupport.marking import Order, grade

    if student is None and {"gradescope", "classroom50"} & set(formats):
        raise click.UsageError("Gradescope and Classroom 50 take one student's: give --student ID.")
    if jobs is not None and cluster is not None:
        raise click.UsageError("--jobs is for this machine: on a cluster its workers' threads say.")
    order = Order(submissions, into, exercises, roster, student, due, formats, jobs, cluster)
    sys.exit(grade(find_course(Path.cwd()), order))


@main.command("similar")
@click.argument("submissions", type=click.Path(path_type=Path))
@click.option(
    "--exercise",
    "exercises",
    multiple=True,
    metavar="SLUG",
    help="Compare answers to this exercise, and its steps; by default to all.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default="graded",
    show_default=True,
    metavar="FOLDER",
    help="Where the page goes.",
)
def similar_command(submissions: Path, exercises: tuple[str, ...], into: Path) -> None:
    """Find pairs of answers that are alike beyond what the task gives.

    SUBMISSIONS is what `labsupport grade` takes. The page similar.html shows the pairs that are
    most alike side by side. They are pairs to look at: that two answers are alike proves nothing.
    """
    from labsupport.similar import similar

    similar(find_course(Path.cwd()), submissions, exercises, into)


@main.command("autograder")
@click.argument("slugs", nargs=-1, required=True, metavar="SLUG...")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default="autograder.zip",
    show_default=True,
    metavar="FILE",
    help="The archive to write.",
)
def autograder_command(slugs: tuple[str, ...], into: Path) -> None:
    """Write the archive with which Gradescope grades these exercises.

    Upload it there as the autograder of a programming assignment, with Ubuntu 22.04 or newer as the
    base image. It holds checks and hidden checks: give it to no learner.
    """
    from labsupport.publishing.autograder import write_autograder

    write_autograder(find_course(Path.cwd()), slugs, into)
    click.echo(f"The autograder for {', '.join(slugs)}: {near(into)}")


@main.command("release")
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--variant-by",
    type=click.Choice(["student"]),
    help="A copy for each student of the roster, whose protocols have constants of their own.",
)
@click.option(
    "--roster", type=click.Path(path_type=Path), metavar="FILE", help="CSV with the column id."
)
def release_command(target: Path, variant_by: str | None, roster: Path | None) -> None:
    """Write the learners' copy of the course.

    TARGET is the folder to make, outside of the course. Solutions and hidden checks stay here, and
    so does what is not committed where the course is a git checkout.
    """
    from labsupport.grading.handed import read_roster
    from labsupport.publishing.release import release

    if (variant_by is None) != (roster is None):
        raise click.UsageError("--variant-by and --roster go together: they say whose copies.")
    students = read_roster(roster) if roster else None
    click.echo(release(find_course(Path.cwd()), target, students))


@main.command("doctor")
def doctor_command() -> None:
    """Say what this machine permits, what the course lacks here, and how to raise it."""
    from labsupport.doctor import doctor

    sys.exit(doctor(find_course(Path.cwd())))


def _constants(root: Path, folder: Path, slug: str, student: str) -> dict[str, Any] | None:
    """Those of a student's task; None where all students have the same. Raises InputError."""
    from labsupport.checking.exercise import choose_exercise
    from labsupport.grading.whose import Whose

    whose = Whose(root, {slug: choose_exercise(folder, slug)})
    if whose.secret is None:
        raise InputError(
            f"This course has no {SECRET.as_posix()}, from which students' constants are drawn: "
            "all have the same. So check without --student."
        )
    return whose.constants(student, slug)


if __name__ == "__main__":
    main()
