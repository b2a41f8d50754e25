"""`labsupport grade`, as an instructor runs it, in a small course."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.checking.course import Course
from tests.cli.watched import environment
from tests.grading.conftest import RIGHT, WRONG, HandIn

Grade = Callable[..., "subprocess.CompletedProcess[str]"]
CRASHES = "def f(text):\n    raise ValueError(text)\n"
BROKEN = "def f(text:\n"


@pytest.fixture
def grade(course: Course) -> Grade:
    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "labsupport.cli", "grade", *map(str, words)],
            cwd=course.root,
            env=environment(),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
        )

    return run


def book(course: Course) -> list[dict[str, str]]:
    with (course.root / "graded" / "gradebook.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_class_is_judged_and_its_gradebook_written(
    course: Course, grade: Grade, hand_in: HandIn, tmp_path: Path
) -> None:
    place = hand_in(
        ann=RIGHT, bob=WRONG, eve=CRASHES, max=BROKEN, zoe="", **{"=cmd()": RIGHT, "x;=1": RIGHT}
    )
    (tmp_path / "roster.csv").write_text("id,name\nzoe,Zoë\nkim,Kim\nann,+Ann\nbob,\neve,\nmax,\n")
    result = grade(place, "--roster", tmp_path / "roster.csv")
    assert (result.returncode, result.stderr) == (0, ""), result
    assert "4 different answers, 0 judged before." in result.stdout
    assert "demo, =cmd() and 2 more: 4 of 4 points" in result.stdout
    assert "demo, bob: 1 of 4 points" in result.stdout
    assert "Not in the roster: =cmd(), x;=1." in result.stdout
    lines = (course.root / "graded" / "gradebook.csv").read_text(encoding="utf-8").splitlines()
    assert lines == [
        "id,name,total,of,demo,demo: state,demo: counts bytes,demo: counts none,demo: counts four",
        "zoe,Zoë,0,4,0,unreadable,0,0,0",
        "kim,Kim,0,4,0,missing,,,",
        "ann,'+Ann,4,4,4,,2,1,1",
        "bob,,1,4,1,,0,1,0",
        "eve,,0,4,0,,0,0,0",
        "max,,0,4,0,,0,0,0",
        "'=cmd(),,4,4,4,,2,1,1",
        "x;'=1,,4,4,4,,2,1,1",
    ]


def test_what_was_judged_before_is_not_judged_again(
    course: Course, grade: Grade, hand_in: HandIn
) -> None:
    place = hand_in(ann=RIGHT, bob=WRONG)
    assert grade(place).returncode == 0
    first = book(course)
    again = grade(place)
    assert again.returncode == 0
    assert "2 different answers, 2 judged before." in again.stdout
    assert "points" not in again.stdout
    assert book(course) == first
    hand_in(bob=RIGHT, eve=CRASHES)
    assert "2 different answers, 1 judged before." in grade(place).stdout
    assert [row["total"] for row in book(course)] == ["4", "4", "0"]
    course.add("one more", "pass", 3)
    changed = grade(place)
    assert "2 different answers, 0 judged before." in changed.stdout
    assert [row["total"] for row in book(course)] == ["7", "7", "3"]


def test_what_came_later_is_late(course: Course, grade: Grade, hand_in: HandIn) -> None:
    place = hand_in(1_790_000_000.0, ann=RIGHT)
    hand_in(1_790_200_000.0, bob=RIGHT)  # more than two days behind it, in any time zone
    assert grade(place, "--due", "2026-09-22").returncode == 0
    assert [(row["id"], row["total"], row["demo: state"]) for row in book(course)] == [
        ("ann", "4", ""),
        ("bob", "4", "late"),
    ]


def test_a_zip_archive_as_platforms_export_it(
    course: Course, grade: Grade, hand_in: HandIn, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr("leeann_11_1_demo.py", RIGHT)
        archive.writestr("max_LATE_22_2_demo-1.py", WRONG)
        archive.writestr("../demo.py", RIGHT)
    result = grade(tmp_path / "class.zip")
    assert "Not read: ../demo.py leads into a parent folder." in result.stdout
    assert [(row["id"], row["total"]) for row in book(course)] == [("11", "4"), ("22", "1")]
    made = ["class.html", "gradebook.csv", "store.sqlite", "students"]
    assert sorted(os.listdir(course.root / "graded")) == made
    assert sorted(os.listdir(course.root / "graded" / "students")) == ["11.html", "22.html"]


def test_of_nbgraders_course_folder_only_what_was_submitted_is_judged(
    course: Course, grade: Grade, tmp_path: Path
) -> None:
    place = tmp_path / "class"
    for folder, source in {
        "source/a1": RIGHT,
        "release/a1": WRONG,
        "submitted/ann/a1": RIGHT,
        "submitted/bob/a1": WRONG,
        "autograded/ann/a1": WRONG,
    }.items():
        (place / folder).mkdir(parents=True)
        (place / folder / "demo.py").write_text(source)
    result = grade(place)
    assert (result.returncode, result.stderr) == (0, "")
    assert [(row["id"], row["total"]) for row in book(course)] == [("ann", "4"), ("bob", "1")]


def test_names_move_no_terminal(
    course: Course, grade: Grade, hand_in: HandIn, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as archive:
        archive.writestr("a\x1b[2Jb/demo.py", RIGHT)
        archive.writestr("\x1b]0;c\x07/../demo.py", RIGHT)
    result = grade(tmp_path / "class.zip")
    assert result.returncode == 0, result
    assert "\x1b" not in result.stdout + result.stderr


def test_without_hidden_checks_it_says_so(course: Course, grade: Grade, hand_in: HandIn) -> None:
    shutil.rmtree(course.root / "solutions")
    result = grade(hand_in(ann=RIGHT))
    assert "There is no folder solutions/hidden: hidden checks are not run." in result.stdout
    assert [row["of"] for row in book(course)] == ["3"]


def test_a_check_that_breaks_is_inconclusive_and_judged_again(
    course: Course, grade: Grade, hand_in: HandIn
) -> None:
    source = course.source
    course.add("breaks", "raise RuntimeError('a fault of the check')")
    place = hand_in(ann=RIGHT)
    result = grade(place)
    assert result.returncode == 1
    assert "demo, ann: 4 of 5 points; inconclusive: breaks" in result.stdout
    assert "1 inconclusive" in result.stdout
    assert [row["demo: state"] for row in book(course)] == ["inconclusive"]
    assert "1 different answer, 0 judged before." in grade(place).stdout
    course.write(source)
    assert grade(place).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "There is no nothing."),
        (["exercises"], "holds no answer to any exercise"),
        (["exercises", "--roster", "none.csv"], "none.csv cannot be read"),
        (["exercises", "--due", "tomorrow"], "tomorrow"),
        (["exercises", "--jobs", "0"], "--jobs"),
        (["exercises", "--exercise", "dmo"], "Did you mean 'demo'?"),
        (["exercises", "--format", "gradescope"], "give --student ID"),
        (
            ["exercises", "--student", "a", "--exercise", "demo", "--format", "classroom50"],
            "CLASSROOM",
        ),
    ],
)
def test_what_cannot_be_used_is_told(grade: Grade, words: list[str], said: str) -> None:
    result = grade(*words)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def started(course: Course, place: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "labsupport.cli", "grade", str(place), "--jobs", "1"],
        cwd=course.root,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def many() -> dict[str, str]:
    return {f"s{number:02}": f"{RIGHT}# {number}\n" for number in range(12)}


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_kill_loses_no_verdict(course: Course, grade: Grade, hand_in: HandIn, after: int) -> None:
    place = hand_in(**many())
    with started(course, place) as process:
        assert process.stdout is not None
        for line in process.stdout:
            after -= "points" in line
            if not after:
                process.kill()
                break
        told = [line for line in process.stdout if "points" in line]
    result = grade(place)
    assert result.returncode == 0
    count = int(result.stdout.partition(" judged before")[0].rpartition(" ")[2])
    judged = [line for line in result.stdout.splitlines() if "points" in line]
    assert len(judged) == 12 - count
    assert len(told) <= count
    assert [row["total"] for row in book(course)] == ["4"] * 12


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_an_interrupt_stores_what_is_being_judged(
    course: Course, grade: Grade, hand_in: HandIn
) -> None:
    place = hand_in(**many())
    with started(course, place) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if "points" in line)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == 130
    stored = int(rest.partition("Interrupted. ")[2].partition(" ")[0])
    assert f"12 different answers, {stored} judged before." in grade(place).stdout
    assert [row["total"] for row in book(course)] == ["4"] * 12


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_an_interrupt_that_the_shell_has_ignored_is_ignored(
    course: Course, grade: Grade, hand_in: HandIn
) -> None:
    place = hand_in(**many())
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in a script, beside another command
    try:
        with started(course, place) as process:
            assert process.stdout is not None
            next(line for line in process.stdout if "points" in line)
            process.send_signal(signal.SIGINT)
            process.stdout.read()
    finally:
        signal.signal(signal.SIGINT, former)
    assert process.returncode == 0
    assert [row["total"] for row in book(course)] == ["4"] * 12


def test_one_students_answers_for_other_graders(
    course: Course, grade: Grade, tmp_path: Path
) -> None:
    place = tmp_path / "submission"
    place.mkdir()
    (place / "demo.py").write_text(WRONG)
    result = grade(
        *(place, "--student", "ann", "--exercise", "demo"),
        *("--format", "gradescope", "--format", "junit"),
    )
    assert result.returncode == 0, result
    told = json.loads((course.root / "graded" / "results.json").read_text(encoding="utf-8"))
    assert [(test["name"], test["score"]) for test in told["tests"]] == [
        ("demo: counts bytes", 0),
        ("demo: counts none", 1),
        ("demo: counts four", 0),
    ]
    (suite,) = ElementTree.parse(course.root / "graded" / "junit.xml").getroot()
    assert (suite.attrib["name"], suite.attrib["failures"]) == ("ann: demo", "2")


def test_nothing_handed_in_for_an_exercise_is_missing(
    course: Course, grade: Grade, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    result = grade(tmp_path / "empty", "--student", "ann", "--exercise", "demo")
    assert result.returncode == 0, result
    assert [(row["id"], row["demo: state"]) for row in book(course)] == [("ann", "missing")]
