"""The history of tries and votes, with real files and real processes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import textwrap
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labsupport import history as module
from labsupport.history import History, HistoryWarning, course_root, lesson_of


@pytest.fixture(autouse=True)
def _nothing_said_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_said", set())


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "state")


def run(program: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def failed_try(history: History, slug: str, check: str, digest: str) -> int:
    """An answer fails one check; the number of different answers that did."""
    return history.judged(slug, digest, {check: False})[check]


class TestTries:
    def test_an_answer_counts_once_however_often_it_is_judged(self, history: History) -> None:
        assert failed_try(history, "framing", "one byte at a time", "aa") == 1
        assert failed_try(history, "framing", "one byte at a time", "aa") == 1
        assert failed_try(history, "framing", "one byte at a time", "bb") == 2
        assert history.tries("framing", "one byte at a time") == 2

    def test_checks_and_exercises_are_counted_apart(self, history: History) -> None:
        failed_try(history, "framing", "one byte at a time", "aa")
        assert history.tries("framing", "empty frame") == 0
        assert history.tries("framing.header", "one byte at a time") == 0

    def test_the_checks_of_one_run_are_remembered_together(self, history: History) -> None:
        failed_try(history, "framing", "one byte at a time", "aa")
        found = {"one byte at a time": False, "an empty frame": True}
        for _ in range(2):
            tries = history.judged("framing", "bb", found)
            assert tries == {"one byte at a time": 2, "an empty frame": 0}

    def test_a_passed_check_adds_no_failed_try(self, history: History) -> None:
        failed_try(history, "greet", "greets", "aa")
        assert history.judged("greet", "bb", {"greets": True})["greets"] == 1
        assert history.tries("greet", "greets") == 1

    def test_another_history_over_the_same_folder_sees_them(self, history: History) -> None:
        failed_try(history, "greet", "greets", "aa")
        assert History(history.folder).tries("greet", "greets") == 1

    def test_reading_makes_no_file(self, history: History) -> None:
        assert history.tries("greet", "greets") == 0
        assert history.votes() == ()
        assert not history.path.parent.exists()

    def test_deleting_the_file_loses_only_the_history(self, history: History) -> None:
        failed_try(history, "greet", "greets", "aa")
        history.path.unlink()
        assert history.tries("greet", "greets") == 0
        assert failed_try(history, "greet", "greets", "bb") == 1

    def test_names_may_hold_any_text(self, history: History) -> None:
        check = 'it\'s "late"; DROP TABLE tries; -- ünïcode \n'
        assert failed_try(history, "greet", check, "aa") == 1
        assert history.tries("greet", check) == 1


class TestFindings:
    def test_what_checks_found_is_told_once_for_each_answer_oldest_first(
        self, history: History
    ) -> None:
        history.judged("greet", "aa", {"greets": False, "ends": True})
        history.judged("framing.header", "bb", {"frames": True})
        history.judged("greet", "aa", {"greets": True, "ends": True})
        found = history.findings()
        assert found is not None
        assert [(each.slug, each.check, each.digest, each.passed) for each in found] == [
            ("greet", "greets", "aa", False),
            ("greet", "ends", "aa", True),
            ("framing.header", "frames", "bb", True),
            ("greet", "greets", "aa", True),
        ]
        moments = [datetime.fromisoformat(each.at) for each in found]
        assert moments == sorted(moments)
        assert abs((datetime.now(UTC) - moments[0]).total_seconds()) < 60

    def test_no_file_is_an_empty_history_and_an_unreadable_one_is_none(
        self, history: History
    ) -> None:
        assert history.findings() == ()
        failed_try(history, "greet", "greets", "aa")
        database = sqlite3.connect(history.path)
        database.execute("PRAGMA user_version = 99")
        database.close()
        with pytest.warns(HistoryWarning):
            assert history.findings() is None

    def test_a_damaged_file_is_an_empty_history_from_then_on(self, history: History) -> None:
        history.folder.mkdir(parents=True)
        history.path.write_bytes(b"not a database at all" * 100)
        with pytest.warns(HistoryWarning):
            assert history.findings() == ()


class TestVotes:
    def test_the_same_vote_again_is_one_vote(self, history: History) -> None:
        for _ in range(2):
            history.vote("02a-reads", "b", 70, outcome="a")
        assert len(history.votes("02a-reads")) == 1

    def test_a_changed_vote_is_kept_beside_the_former_one(self, history: History) -> None:
        history.vote("02a-reads", "b", 70, outcome="a", belief="recv-is-a-message", measured="1")
        history.vote("02a-reads", "a", None, outcome="a")
        history.vote("02a-other", "c", 90, outcome="c")
        first, second = history.votes("02a-reads")
        assert (first.choice, first.confidence, first.belief, first.measured, first.wrong) == (
            "b", 70, "recv-is-a-message", "1", True,
        )  # fmt: skip
        assert (second.choice, second.confidence, second.wrong) == ("a", None, False)
        assert len(history.votes()) == 3

    def test_confident_mistakes_of_earlier_lessons_come_back_surest_first(
        self, history: History
    ) -> None:
        history.vote("00-first", "a", 60, outcome="b")
        history.vote("01-scope", "a", 100, outcome="b")
        history.vote("01-guess", "a", 59, outcome="b")
        history.vote("01-right", "b", 100, outcome="b")
        history.vote("01-plain", "a", None, outcome="b")
        history.vote("02a-reads", "a", 100, outcome="b")
        found = [each.question for each in history.confident_mistakes("02a")]
        assert found == ["01-scope", "00-first", "01-plain"]
        assert history.confident_mistakes("00") == ()
        assert history.confident_mistakes("02b")[-1].question == "01-plain"

    def test_zero_confidence_is_a_guess(self, history: History) -> None:
        history.vote("00-first", "a", 0, outcome="b")
        assert history.confident_mistakes("01") == ()

    def test_a_mistake_comes_back_even_after_the_right_vote_that_followed_the_verdict(
        self, history: History
    ) -> None:
        history.vote("00-first", "a", 80, outcome="b")
        history.vote("00-first", "b", 100, outcome="b")
        assert [each.choice for each in history.confident_mistakes("01")] == ["a"]

    def test_a_question_belongs_to_the_lesson_that_its_slug_begins_with(self) -> None:
        assert lesson_of("02a-reads-and-sends") == "02a"


class TestPlace:
    def test_the_variable_names_the_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LABSUPPORT_STATE", str(tmp_path / "elsewhere"))
        assert History().folder == tmp_path / "elsewhere"

    def test_otherwise_it_lies_in_the_course_root(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "exercises").mkdir()
        (tmp_path / "notebooks").mkdir()
        monkeypatch.delenv("LABSUPPORT_STATE", raising=False)
        monkeypatch.chdir(tmp_path / "notebooks")
        assert course_root() == tmp_path
        assert History().path == tmp_path / ".labsupport" / "history.sqlite"

    def test_outside_of_a_course_nothing_is_kept_and_nothing_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("LABSUPPORT_STATE", raising=False)
        monkeypatch.chdir(tmp_path)
        history = History()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert history.path is None
            assert failed_try(history, "greet", "greets", "aa") == 0
            assert history.tries("greet", "greets") == 0
            history.vote("00-first", "a", 80, outcome="b")
            assert history.votes() == ()


class TestTrouble:
    def test_several_processes_write_at_once_and_nothing_is_lost(self, tmp_path: Path) -> None:
        program = """
            import sys
            from labsupport.history import History
            for number in range(25):
                digest = f"{sys.argv[2]}-{number}"
                History(sys.argv[1]).judged("greet", digest, {"greets": False})
        """
        writers = [run(program, tmp_path / "state", number) for number in range(4)]
        for writer in writers:
            _, errors = writer.communicate(timeout=50)
            assert (writer.returncode, errors) == (0, "")
        assert History(tmp_path / "state").tries("greet", "greets") == 100

    def test_a_killed_writer_leaves_a_history_that_works(self, tmp_path: Path) -> None:
        program = """
            import sqlite3, sys
            from labsupport.history import History
            history = History(sys.argv[1])
            history.judged("greet", "aa", {"greets": False})
            database = sqlite3.connect(history.path, isolation_level=None)
            database.execute("BEGIN EXCLUSIVE")
            database.execute("DELETE FROM tries")
            print("ready", flush=True)
            sys.stdin.read()
        """
        writer = run(program, tmp_path / "state")
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        writer.kill()
        writer.communicate(timeout=10)
        assert failed_try(History(tmp_path / "state"), "greet", "greets", "bb") == 2

    def test_a_folder_that_cannot_be_made_is_one_warning(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        history = History(tmp_path / "file")
        with pytest.warns(HistoryWarning, match="set LABSUPPORT_STATE"):
            assert failed_try(history, "greet", "greets", "aa") == 0
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert failed_try(History(tmp_path / "file"), "greet", "greets", "aa") == 0
            history.vote("00-first", "a", 80, outcome="b")

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file size limit to set")
    def test_a_full_disk_is_a_warning_and_the_program_goes_on(self, tmp_path: Path) -> None:
        program = """
            import resource, signal, sys
            from labsupport.history import History
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
            print(History(sys.argv[1]).judged("greet", "aa", {"greets": False})["greets"])
            print("goes on")
        """
        writer = run(program, tmp_path / "state")
        output, errors = writer.communicate(timeout=20)
        assert output == "0\ngoes on\n"
        assert "HistoryWarning" in errors
        assert "SQLite says" in errors

    def test_a_file_locked_by_another_program_is_a_warning(
        self, history: History, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "BUSY", 0.05)
        failed_try(history, "greet", "greets", "aa")
        other = sqlite3.connect(history.path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.warns(HistoryWarning, match="locked"):
            assert failed_try(history, "greet", "greets", "bb") == 0
        other.close()
        assert failed_try(history, "greet", "greets", "bb") == 2

    @pytest.mark.parametrize("first", [("greet", "greets"), None], ids=["reading", "writing"])
    def test_a_damaged_file_is_set_aside_with_a_message(
        self, history: History, first: tuple[str, str] | None
    ) -> None:
        history.folder.mkdir(parents=True)
        history.path.write_bytes(b"not a database at all" * 100)
        with pytest.warns(HistoryWarning, match=r"kept as history\.damaged-1\.sqlite"):
            found = history.tries(*first) if first else failed_try(history, "greet", "other", "aa")
        assert found == (0 if first else 1)
        assert failed_try(history, "greet", "greets", "aa") == 1
        kept = history.path.with_name("history.damaged-1.sqlite")
        assert kept.read_bytes().startswith(b"not a database")

    def test_a_second_damaged_file_does_not_replace_the_first(self, history: History) -> None:
        history.folder.mkdir(parents=True)
        for number in (1, 2):
            history.path.write_bytes(b"damaged %d " % number * 100)
            with pytest.warns(HistoryWarning):
                failed_try(history, "greet", "greets", "aa")
        names = sorted(each.name for each in history.folder.glob("*damaged*"))
        assert names == ["history.damaged-1.sqlite", "history.damaged-2.sqlite"]

    def test_a_file_damaged_in_the_middle_is_set_aside(self, history: History) -> None:
        for number in range(60):
            failed_try(history, "greet", f"check {number} ".ljust(500, "x"), "aa")
        with history.path.open("r+b") as file:
            file.seek(4096)
            file.write(os.urandom(16384))
        with pytest.warns(HistoryWarning, match="damaged"):
            assert failed_try(history, "greet", "greets", "aa") == 1

    def test_a_database_of_something_else_is_set_aside(self, history: History) -> None:
        history.folder.mkdir(parents=True)
        other = sqlite3.connect(history.path)
        other.execute("CREATE TABLE recipes (name TEXT)")
        other.close()
        with pytest.warns(HistoryWarning, match="kept as"):
            assert failed_try(history, "greet", "greets", "aa") == 1

    def test_processes_that_meet_a_damaged_file_at_once_set_it_aside_once(
        self, tmp_path: Path
    ) -> None:
        state = tmp_path / "state"
        state.mkdir()
        (state / "history.sqlite").write_bytes(b"damaged" * 1000)
        program = """
            import sys
            from labsupport.history import History
            for number in range(5):
                digest = f"{sys.argv[2]}-{number}"
                History(sys.argv[1]).judged("greet", digest, {"greets": False})
        """
        writers = [run(program, state, number) for number in range(4)]
        for writer in writers:
            writer.communicate(timeout=50)
            assert writer.returncode == 0
        assert len(list(state.glob("*damaged*"))) == 1
        assert History(state).tries("greet", "greets") == 20

    def test_a_file_of_a_newer_course_is_left_alone(self, history: History) -> None:
        failed_try(history, "greet", "greets", "aa")
        database = sqlite3.connect(history.path)
        database.execute("PRAGMA user_version = 99")
        database.close()
        with pytest.warns(HistoryWarning, match="newer version of this course"):
            assert failed_try(history, "greet", "greets", "bb") == 0
        assert [each.name for each in history.folder.iterdir()] == ["history.sqlite"]
