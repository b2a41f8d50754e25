"""Ten ends by force, of workers and of the command itself, and nothing is lost or done twice."""

from __future__ import annotations

import contextlib
import csv
import random
import re
import secrets
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from labsupport.clock import poll
from labsupport.grading.store import Store
from tests.checking.course import Course
from tests.cli.watched import PATIENCE, environment
from tests.grading.conftest import RIGHT, WRONG, HandIn

ROUNDS = 5  # in each a worker is killed, and later the command
PERMITS = 16  # answers that a round may begin: more than are waited for, with those that are lost
ANSWERS = ROUNDS * PERMITS + 8  # so that no round ends before its kills, however slow this test is


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """With an exercise whose checks take a moment, and a permit until the gate is open. By what
    they draw, a wrong answer may pass one: the gradebook depends on the seeds."""
    course = Course(tmp_path / "course")
    permits(course).mkdir(parents=True)
    course.add(
        "counts bytes",
        f"""
        from contextlib import suppress
        from pathlib import Path
        permits, taken = Path({str(permits(course))!r}), False
        while not taken and not (permits / "open").exists():
            for each in permits.glob("permit*"):
                with suppress(FileNotFoundError):
                    each.unlink()
                    taken = True
                    break
            await asyncio.sleep(0.02)
        text = draw.choice("eé")
        assert_equal(await answer.call("f", text), len(text.encode()), said="the bytes")
        """,
        points=2,
        deadline=60.0,
    )
    course.add("counts none", "assert_equal(await answer.call('f', ''), 0, said='none')")
    return course


def permits(course: Course) -> Path:
    """The folder with a file for each answer that may be judged, or the file `open`."""
    return course.root.parent / "permits"


def permit(course: Course) -> None:
    """As many as a round may begin, and no more."""
    for number in range(PERMITS):
        (permits(course) / f"permit{number}").touch()


@contextlib.contextmanager
def grading(course: Course, place: Path, into: Path) -> Iterator[subprocess.Popen[str]]:
    """The command, two answers at a time, each answer a line; it is ended with the block."""
    words = ("-m", "labsupport.cli", "grade", str(place), "--into", str(into), "--jobs", "2")
    with subprocess.Popen(
        [sys.executable, *words],
        cwd=course.root,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that run checks: judges, and what these have forked to judge."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "labsupport.checking.judge" in child.cmdline():
                found.append(child)
    return found


def finished(course: Course, place: Path, into: Path) -> list[str]:
    """The lines of a run that nobody ends."""
    with grading(course, place, into) as process:
        assert process.stdout is not None
        lines = process.stdout.readlines()
        assert process.wait() == 0, lines
    return lines


def judged(lines: list[str]) -> list[str]:
    """Whose answers were judged, as these lines say."""
    found = (re.match(r"demo, (\w+): \d of 3 points", line) for line in lines)
    return [match[1] for match in found if match]


def before(lines: list[str]) -> int:
    """How many had been judged before the run with these lines."""
    return next(int(match[1]) for line in lines if (match := re.search(r"(\d+) judged b", line)))


@pytest.mark.linux
@pytest.mark.slow
def test_after_ten_kills_the_gradebook_is_that_of_a_run_without_any(
    course: Course, hand_in: HandIn, tmp_path: Path
) -> None:
    seed = secrets.randbits(32)
    print("seed of the kills:", seed)
    drawn = random.Random(seed)
    sources = {f"s{n:02}": f"{drawn.choice((RIGHT, WRONG))}# {n}\n" for n in range(ANSWERS)}
    place = hand_in(**sources)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    with Store(killed / "store.sqlite"):
        pass
    shutil.copytree(killed, whole)  # with the secret that makes the seeds
    gate = permits(course) / "open"
    gate.touch()
    finished(course, place, whole)
    gate.unlink()

    told: list[str] = []
    ended = {"command": 0, "worker": 0}
    for _ in range(ROUNDS):
        permit(course)
        with grading(course, place, killed) as process:
            assert process.stdout is not None
            lines = [next(process.stdout), next(process.stdout)]
            assert len(told) <= before(lines) <= len(told) + ended["command"]
            for kind in ("worker", "command"):
                lines += [next(process.stdout) for _ in range(drawn.randint(0, 5))]
                threading.Event().wait(drawn.uniform(0, 0.1))
                victims = [process]
                if kind == "worker":  # the first may not have been started yet
                    victims = poll(
                        lambda: workers(process), deadline=PATIENCE, said="no worker was started"
                    )
                drawn.choice(victims).kill()
                ended[kind] += 1
            lines += process.stdout.readlines()
        told += judged(lines)
    assert ended == {"command": ROUNDS, "worker": ROUNDS}

    gate.touch()
    lines = finished(course, place, killed)
    assert before(lines) + len(judged(lines)) == ANSWERS
    assert len(judged(lines)) > 0, "some were left for the last run"
    assert max(Counter(told + judged(lines)).values()) == 1
    book = (killed / "gradebook.csv").read_bytes()
    assert book == (whole / "gradebook.csv").read_bytes()
    totals = {row["total"] for row in csv.DictReader(book.decode().splitlines())}
    assert totals == {"1", "3"}, "the class has right and wrong answers"
