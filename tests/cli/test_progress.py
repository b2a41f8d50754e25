"""`labsupport progress`: what it draws, after real checks and with a history in trouble."""

from __future__ import annotations

import ctypes
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from labsupport.history import History
from tests.cli.conftest import Run
from tests.cli.small import DOUBLE, HALF, STUB, WRONG, SmallCourse
from tests.cli.watched import environment

ALL = {"of two": True, "of none": True}
Progress = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def progress(labsupport: Run, small: SmallCourse) -> Progress:
    """Run `labsupport progress` in the small course."""
    return lambda **more: labsupport("progress", cwd=small.root, **more)


@pytest.fixture
def history(small: SmallCourse) -> History:
    """The history of the small course."""
    return History(small.root / ".labsupport")


def rows(text: str) -> dict[str, str]:
    """The row of each exercise and step, its columns one space apart."""
    found = re.findall(r"^ +((?:first|second|bonus)\S*) +(.+?) *$", text, re.MULTILINE)
    return {slug: " ".join(rest.split()) for slug, rest in found}


def test_before_the_first_check_everything_is_open(progress: Progress, small: SmallCourse) -> None:
    result = progress()
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "0 of 3 exercises passed (core 0 of 2, stretch 0 of 1), 0 of 12 points."
    assert rows(result.stdout) == {
        "first": "core 0 of 3 0 0 next, not begun",
        "second": "core 0 of 3 0 0 not begun",
        "second.half": "step 0 of 3 0 0 not begun",
        "bonus": "stretch 0 of 3 0 0 not begun",
    }
    assert "01 More of it: 0 of 9 points" in lines
    assert "Next: first (core, 9 minutes), in exercises/00_first/first.ipynb" in lines
    assert not (small.root / ".labsupport").exists()


def test_checks_leave_points_tries_hints_and_a_date(
    progress: Progress, labsupport: Run, small: SmallCourse
) -> None:
    for answer in (STUB, WRONG, WRONG, DOUBLE):
        small.save("first", answer)
        labsupport("check", "first", cwd=small.root)
    small.save("second", STUB, half=HALF)
    labsupport("check", "second.half", cwd=small.root)
    labsupport("check", "second", "--only", "of two", cwd=small.root)
    result = progress(TZ="UTC")
    found = rows(result.stdout)
    date = r"20\d\d-\d\d-\d\d \d\d:\d\d"
    assert re.fullmatch(rf"core 3 of 3 3 3 {date}", found["first"])
    assert re.fullmatch(rf"step 3 of 3 1 0 {date}", found["second.half"])
    assert found["second"] == "core 0 of 3 1 1 next, begun"
    assert "1 of 3 exercises passed (core 1 of 2, stretch 0 of 1), 6 of 12 points." in result.stdout


def test_a_moment_is_told_on_this_machines_clock(progress: Progress, history: History) -> None:
    history.judged("first", "aa", ALL)
    database = sqlite3.connect(str(history.path))
    database.execute("UPDATE tries SET at = '2026-07-01T22:30:00+00:00'")
    database.commit()
    database.close()
    assert "2026-07-01 22:30" in progress(TZ="UTC").stdout
    if os.name == "posix":
        assert "2026-07-02 00:30" in progress(TZ="XXX-2").stdout


def test_what_is_next_says_when_it_is_optional(progress: Progress, history: History) -> None:
    history.judged("second", "aa", ALL)
    history.judged("first", "aa", ALL)
    said = progress().stdout
    assert "Next: bonus (stretch, 9 minutes), in exercises/01_bonus/bonus.ipynb\n" in said
    assert "Stretch means optional" not in said  # nothing else is left
    history.judged("bonus", "aa", ALL)
    assert "Every exercise has passed.\n" in progress().stdout


def test_checks_that_cannot_be_loaded_are_named(progress: Progress, small: SmallCourse) -> None:
    (small.folder("second") / "checks.py").write_text("1 / 0", "utf-8")
    result = progress()
    assert result.returncode == 0
    assert "ZeroDivisionError" in result.stdout
    assert set(rows(result.stdout)) == {"first", "second", "bonus"}


def test_a_folder_outside_of_a_course_is_said(labsupport: Run, tmp_path: Path) -> None:
    result = labsupport("progress", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert "is not inside a course folder" in result.stderr


def test_a_course_without_exercises_is_said(labsupport: Run, tmp_path: Path) -> None:
    (tmp_path / "exercises").mkdir()
    for command in ("progress", "watch"):
        result = labsupport(command, cwd=tmp_path)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr == f"{tmp_path / 'exercises'} has no exercises.\n"


class TestAHistoryInTrouble:
    def test_a_damaged_file_is_set_aside_with_a_message(
        self, progress: Progress, history: History
    ) -> None:
        assert history.folder is not None
        assert history.path is not None
        history.folder.mkdir()
        history.path.write_bytes(b"not a database at all" * 100)
        result = progress()
        assert result.returncode == 0
        assert result.stderr.startswith("The history of tries and votes in ")
        assert "It is kept as history.damaged-1.sqlite" in result.stderr
        assert "HistoryWarning" not in result.stderr
        assert "0 of 3 exercises passed" in result.stdout
        assert progress().stderr == ""

    def test_a_file_of_a_newer_course_is_not_drawn_as_an_empty_one(
        self, progress: Progress, history: History
    ) -> None:
        history.judged("first", "aa", ALL)
        database = sqlite3.connect(str(history.path))
        database.execute("PRAGMA user_version = 99")
        database.close()
        result = progress()
        assert result.returncode == 3
        assert "a newer version of this course wrote it" in result.stderr
        assert "Your history cannot be read now." in result.stdout
        assert rows(result.stdout)["first"] == "core 3 not known"
        assert "passed (" not in result.stdout

    def test_a_locked_file_is_said_by_progress_and_check_and_checking_works(
        self, progress: Progress, labsupport: Run, small: SmallCourse, history: History
    ) -> None:
        history.judged("first", "aa", ALL)
        small.save("first", DOUBLE)
        other = sqlite3.connect(str(history.path), isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        drawn = progress()
        checked = labsupport("check", "first", cwd=small.root)
        other.close()
        assert drawn.returncode == 3
        assert checked.returncode == 0
        assert "3 of 3 points." in checked.stdout
        for result in (drawn, checked):
            assert "SQLite says: database is locked" in result.stderr
            assert len(result.stderr.splitlines()) == 1
        assert progress().returncode == 0

    @pytest.mark.linux
    def test_a_read_only_history_is_drawn_and_checking_works(
        self, progress: Progress, small: SmallCourse, history: History
    ) -> None:
        history.judged("first", "aa", ALL)
        small.save("second", STUB, half=HALF)
        assert history.folder is not None
        assert history.path is not None
        history.path.chmod(0o444)
        history.folder.chmod(0o555)
        drawn = run_without_privilege(small.root, "progress")
        assert (drawn.returncode, drawn.stderr) == (0, "")
        assert "1 of 3 exercises passed" in drawn.stdout
        checked = run_without_privilege(small.root, "check", "second.half")
        assert checked.returncode == 0, checked
        assert "3 of 3 points." in checked.stdout
        assert "cannot be used (SQLite says: attempt to write a readonly database)" in (
            checked.stderr
        )
        history.folder.chmod(0o755)

    @pytest.mark.linux
    def test_a_folder_that_may_not_be_looked_into_counts_as_an_empty_history(
        self, small: SmallCourse, history: History
    ) -> None:
        history.judged("first", "aa", ALL)
        assert history.folder is not None
        history.folder.chmod(0)
        drawn = run_without_privilege(small.root, "progress")
        history.folder.chmod(0o755)
        assert drawn.returncode == 0, drawn
        assert "0 of 3 exercises passed" in drawn.stdout

    @pytest.mark.linux
    def test_a_full_disk_is_said_and_checking_works(
        self, progress: Progress, small: SmallCourse
    ) -> None:
        small.save("first", DOUBLE)
        program = (
            "import resource, signal, sqlite3; from labsupport import history; "
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
            "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]; "
            "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard)); "
            "from labsupport.cli import main; main()"
        )
        result = subprocess.run(
            [sys.executable, "-c", program, "check", "first"],
            cwd=small.root,
            env=environment(PYTHONDONTWRITEBYTECODE="1"),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert result.returncode == 0, result
        assert "3 of 3 points." in result.stdout
        assert "cannot be used (SQLite says: " in result.stderr
        assert progress().returncode == 0

    def test_deleting_the_file_loses_the_history_and_nothing_else(
        self, progress: Progress, history: History
    ) -> None:
        history.judged("first", "aa", ALL)
        assert history.path is not None
        history.path.unlink()
        result = progress()
        assert (result.returncode, result.stderr) == (0, "")
        assert "0 of 3 exercises passed" in result.stdout


def run_without_privilege(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run `labsupport` so that the modes of files hold, for root too."""
    override, search, drop_bounding = 1, 2, 24  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, prctl(2)
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def drop() -> None:
        for capability in (override, search):
            prctl(drop_bounding, capability, 0, 0, 0)

    return subprocess.run(
        [sys.executable, "-m", "labsupport.cli", *words],
        cwd=root,
        env=environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        preexec_fn=drop if os.geteuid() == 0 else None,
    )
