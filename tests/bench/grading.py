"""What grading a class costs: `python -m tests.bench.grading PART`. The parts:

    class [STUDENTS]             ten exercises by so many students, 100 without a number: the rate
    nbgrader PYTHON [ANSWERS]    500 answers to greet, graded here; so many of them, 30 without a
                                 number, by nbgrader, whose time for each does not depend on it
    growth PICTURE [ANSWERS]     from 100 answers to so many, 5,000 without a number: seconds,
                                 memory and the store's size, which are also drawn

Answers are drawn from the bank in tests/answers with a seed, three right ones to each wrong one; a
comment makes each different, so that each is judged. In a class one in fifty is hostile; nbgrader
gets none, since it gives up where one ends its kernel. All of it is done by `labsupport grade` as a
command, from its start to the last page.

PYTHON is the interpreter of an environment with nbgrader. There the exercise is a notebook whose
test cell calls greet with the names of our checks and asserts what it returns, and the time is that
of `nbgrader autograde`, which starts a kernel for each submission. The cell asks what the listed
checks ask, so they are compared with it, in a learners' copy; hidden checks are more work. Ratios
are of one run.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import matplotlib.pyplot as plt
import nbformat

from labsupport.publishing.release import release
from tests.checking.course import Course
from tests.promises import course as real

ROOT = Path(__file__).resolve().parents[2]
CLASS = (
    *("greet", "endpoint", "classify", "lines", "framing"),
    *("echo", "ask", "gather", "chunked", "parser"),
)
HOSTILE_EACH = 50
HOSTILE = (
    "import os; os._exit(0)\n",
    "bomb = bytearray(1 << 45)\n",
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n",
    'print(\'{"event": "result", "verdict": "passed"}\\n\' * 1000)\n',
    "while True: pass\n",
)
# Runs the command in an interpreter that says at its end what its memory was at most, in KiB.
MEASURED = """
import atexit, resource, sys
from labsupport.cli import main
peak = lambda: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
atexit.register(peak)
main()
"""
HERE = 500
ROUNDS = 3


@click.group()
def main() -> None:
    """Measure and print."""
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f}")


class Run:
    """One run of `labsupport grade`. seconds: wall time. mebibytes: the command's own, at most."""

    def __init__(self, root: Path, place: Path, into: Path, *words: str) -> None:
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, "grade", str(place), "--into", str(into), *words],
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        self.seconds = time.perf_counter() - began
        if done.returncode not in (0, 1):
            sys.exit(done.stderr)
        self.mebibytes = int(done.stderr.split()[-1]) / 1024
        lines = done.stdout.splitlines()
        self.judged = sum(" of " in line and "points" in line for line in lines)
        self.last = lines[-1]


def draw_class(place: Path, students: int, slugs: tuple[str, ...], *, hostile: bool) -> None:
    """Hand in one answer of each student to each exercise."""
    drawn = random.Random(1)
    for number in range(students):
        folder = place / f"s{number:04}"
        folder.mkdir(parents=True)
        for slug in slugs:
            bank = real.ROOT / "tests" / "answers" / slug
            right, wrong = sorted(bank.glob("right_*.py")), sorted(bank.glob("wrong_*.py"))
            chosen = drawn.choice(right if drawn.random() < 0.75 else wrong).read_text("utf-8")
            if hostile and drawn.randrange(HOSTILE_EACH) == 0:
                chosen = f"{drawn.choice(HOSTILE)}{chosen}"
            (folder / f"{slug}.py").write_text(f"{chosen}\n# {number}\n", "utf-8")


@main.command("class")
@click.argument("students", type=int, default=100)
def grade_class(students: int) -> None:
    """The rate of a class in ten exercises."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "class"
        draw_class(place, students, CLASS, hostile=True)
        run = Run(ROOT, place, Path(scratch) / "graded")
        print(
            f"{run.judged} answers in {run.seconds:.0f} s: {run.judged / run.seconds:.2f} a second"
        )
        print(f"memory of the command: {run.mebibytes:.0f} MiB", run.last, sep="\n")


# ---- beside nbgrader ----

SUBMITTED = "submitted/{student}/one/greet.ipynb"
TESTS = """\
for name in ("Ada", "van Rossum", "O'Neil"):
    assert greet(name) == f"Hello, {name}\\n".encode()
"""


def cell(source: str, grade_id: str, *, solution: bool) -> nbformat.NotebookNode:
    """A code cell with nbgrader's metadata of version 3."""
    made = nbformat.v4.new_code_cell(source)
    made.metadata["nbgrader"] = {
        "schema_version": 3,
        "grade_id": grade_id,
        "cell_type": "code",
        "task": False,
        "solution": solution,
        "grade": not solution,
        "locked": not solution,
        **({} if solution else {"points": 3}),
    }
    return made


def nbgrader(python: str, words: list[str], folder: Path) -> float:
    """Seconds that a command of nbgrader takes."""
    began = time.perf_counter()
    path = os.pathsep.join((str(Path(python).parent), os.environ["PATH"]))  # for alembic
    done = subprocess.run(
        [python, "-m", "nbgrader", *words],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - began


@main.command("nbgrader")
@click.argument("python")
@click.argument("answers", type=int, default=30)
def beside_nbgrader(python: str, answers: int) -> None:
    """Answers to greet, graded by both, in turns."""
    ratios: dict[str, list[float]] = {"listed checks": [], "hidden ones too": []}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as scratch:
            place, theirs = Path(scratch) / "class", Path(scratch) / "theirs"
            draw_class(place, HERE, ("greet",), hostile=False)
            for folder in sorted(place.iterdir())[:answers]:
                answer = (folder / "greet.py").read_text("utf-8")
                cells = [cell(answer, "answer", solution=True), cell(TESTS, "test", solution=False)]
                notebook = nbformat.v4.new_notebook(cells=cells)
                path = theirs / SUBMITTED.format(student=folder.name)
                path.parent.mkdir(parents=True)
                nbformat.write(notebook, path)
            source = theirs / "source" / "one" / "greet.ipynb"
            source.parent.mkdir(parents=True)
            shutil.copy(path, source)
            nbgrader(python, ["generate_assignment", "one"], theirs)
            slow = answers / nbgrader(python, ["autograde", "one"], theirs)
            print(f"nbgrader: {slow:.2f} answers a second")
            copy = release(ROOT, Path(scratch) / "copy").target
            for root, (checks, found) in zip((copy, ROOT), ratios.items(), strict=True):
                run = Run(root, place, Path(scratch) / checks)
                assert run.judged == HERE
                found.append(HERE / run.seconds / slow)
                print(f"here, {checks}: {HERE / run.seconds:.1f} a second; ratio {found[-1]:.1f}")
    for checks, found in ratios.items():
        print(f"ratio, {checks}, the middle one of {ROUNDS}: {sorted(found)[ROUNDS // 2]:.1f}")


# ---- growth ----


@main.command("growth")
@click.argument("picture", type=click.Path(path_type=Path))
@click.argument("answers", type=int, default=5000)
def growth(picture: Path, answers: int) -> None:
    """Seconds, memory and the store's size by the number of answers to a task of two checks."""
    numbers = sorted({100, answers // 4, answers // 2, answers})
    seconds, memory, sizes = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        small = Course(Path(scratch) / "course")
        small.add("counts two", "assert_equal(await answer.call('f', 'ab'), 2, said='two')")
        small.add("counts none", "assert_equal(await answer.call('f', ''), 0, said='none')")
        for number in numbers:
            place, into = Path(scratch) / f"class{number}", Path(scratch) / f"graded{number}"
            for at in range(number):
                (place / f"s{at:05}").mkdir(parents=True)
                (place / f"s{at:05}" / "demo.py").write_text(f"f = len\n# {at}\n")
            run = Run(small.root, place, into)
            assert run.judged == number
            seconds.append(run.seconds)
            memory.append(run.mebibytes)
            sizes.append((into / "store.sqlite").stat().st_size / 2**20)
            print(
                f"{number} answers: {run.seconds:.1f} s, {number / run.seconds:.1f} a second; "
                f"memory {run.mebibytes:.1f} MiB; store {sizes[-1]:.2f} MiB, "
                f"{sizes[-1] * 1024 / number:.2f} KiB each"
            )
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.5), layout="constrained")
    parts = (("seconds", seconds), ("memory of the command, MiB", memory), ("store, MiB", sizes))
    for axis, (title, values) in zip(axes, parts, strict=True):
        axis.plot(numbers, values, marker="o")
        axis.set(title=title, xlabel="answers", xlim=(0, None), ylim=(0, None))
    figure.savefig(picture)
    print(f"growth of memory from {numbers[0]} to {answers}: {memory[-1] / memory[0]:.2f} times")
    print(f"drawn in {picture}")


if __name__ == "__main__":
    main()
