"""`labsupport watch`, with real saves: what it judges, what it says, and that it goes on."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from labsupport.clock import poll
from tests.cli.conftest import Run, Watch
from tests.cli.small import DOUBLE, HALF, ONE_MORE, STUB, WRONG, SmallCourse, notebook
from tests.cli.watched import PATIENCE, Watched

pytestmark = pytest.mark.timeout(300)

SLOW = "import time\n\ndef f(number):\n    time.sleep(1.5)\n"
NEVER = "def f(number):\n    while True: pass\n"


@pytest.fixture
def begun(watching: Watch) -> Watched:
    """A watch that waits for a save of the first exercise, whose feedback was told once."""
    watched = watching()
    watched.wait_until_said("Now: first (core, 9 minutes)")
    watched.waiting()
    return watched


class TestFeedback:
    def test_it_begins_at_the_first_exercise_that_has_not_passed(
        self, watching: Watch, small: SmallCourse, labsupport: Run
    ) -> None:
        small.save("first", DOUBLE)
        assert labsupport("check", "first", cwd=small.root).returncode == 0
        said = watching().waiting()
        assert "Now: second (core, 9 minutes)" in said
        assert "1 of 3 exercises passed.\n" in said
        assert "Lesson 01 More of it: second (now), bonus\n" in said
        assert "Waiting for a save of exercises/01_second/second.ipynb." in said

    def test_it_says_what_check_says(
        self, begun: Watched, small: SmallCourse, labsupport: Run
    ) -> None:
        small.save("first", WRONG)
        said = begun.waiting()
        assert labsupport("check", "first", cwd=small.root).stdout in said
        assert "Hint 2 of 2: closer" in said
        assert "first 1 of 3 points.\n" in said

    @pytest.mark.parametrize("place", [False, True], ids=["renamed", "in place"])
    def test_every_save_is_judged(self, begun: Watched, small: SmallCourse, place: bool) -> None:
        for number in range(3, 8):
            small.save("first", f"def f(number):\n    return {number}", place=place)
            said = begun.wait_until_said(f"came      {number}")
            assert "Checking first ..." in said
            begun.waiting()

    def test_a_save_by_jupyters_server_is_judged(self, begun: Watched, small: SmallCourse) -> None:
        from jupyter_server.services.contents.filemanager import FileContentsManager

        manager = FileContentsManager(root_dir=str(small.root))
        model = manager.get("exercises/00_first/first.ipynb")
        model["content"]["cells"][-1]["source"] = f"%%answer first\n{WRONG}"
        manager.save(model, "exercises/00_first/first.ipynb")
        assert "1 of 3 points." in begun.waiting()

    def test_a_save_while_the_checks_run_is_judged_after_them(
        self, begun: Watched, small: SmallCourse
    ) -> None:
        small.save("first", SLOW)
        begun.wait_until_said("Checking first ...")
        small.save("first", DOUBLE)
        said = begun.wait_until_said("first has passed.")
        assert "0 of 3 points." in said

    def test_a_save_that_changes_no_answer_is_said_and_not_judged(
        self, begun: Watched, small: SmallCourse
    ) -> None:
        small.save("first", WRONG)
        begun.waiting()
        small.save("first", WRONG)
        said = begun.waiting()
        assert "No answer in it has changed, so none was judged again.\n" in said
        assert "Checking" not in said

    def test_an_answer_is_judged_again_when_one_that_it_imports_has_changed(
        self, watching: Watch, small: SmallCourse
    ) -> None:
        importing = "from answers.first import f\n"
        small.save("first", WRONG)
        small.save("bonus", importing)
        watched = watching("bonus")
        assert "1 of 3 points." in watched.waiting()
        small.save("first", DOUBLE)
        watched.wait_until_said("first.ipynb was saved, but bonus is being watched.")
        small.save("bonus", importing)
        watched.wait_until_said("bonus has passed.")

    def test_an_inconclusive_check_is_listed_and_judged_again_at_the_next_save(
        self, watching: Watch, small: SmallCourse
    ) -> None:
        checks = small.folder("first") / "checks.py"
        sound = checks.read_text("utf-8")
        checks.write_text(sound.replace('await answer.call("f", 0)', "1 / 0"), "utf-8")
        small.save("first", DOUBLE)
        watched = watching()
        assert "  inconclusive  0 of 1  of none\n" in watched.waiting()
        checks.write_text(sound, "utf-8")
        small.save("first", DOUBLE)
        watched.wait_until_said("first has passed.")

    def test_a_python_file_beside_the_notebook_is_judged(
        self, begun: Watched, small: SmallCourse
    ) -> None:
        (small.folder("first") / "first.py").write_text(WRONG, "utf-8")
        said = begun.waiting()
        assert "labsupport check first exercises/00_first/first.py --seed" in said
        (small.folder("first") / "first.py").write_text(DOUBLE, "utf-8")
        begun.wait_until_said("first has passed.")

    def test_other_files_are_said_not_to_be_judged(
        self, begun: Watched, small: SmallCourse
    ) -> None:
        (small.folder("first") / "mine.py").write_text(DOUBLE, "utf-8")
        begun.wait_until_said("mine.py is not judged: a file with an answer is named first.py.\n")
        small.save("bonus", DOUBLE)
        begun.wait_until_said("To go there: Ctrl-C, then labsupport watch bonus\n")
        small.save("first", WRONG)
        begun.wait_until_said("1 of 3 points.")


class TestTheWay:
    def test_from_exercise_to_exercise_to_the_end(self, begun: Watched, small: SmallCourse) -> None:
        small.save("first", DOUBLE)
        said = begun.waiting()
        assert "3 of 3 points." in said
        assert "first has passed.\nThe course's own solution: solutions/first.ipynb\n" in said
        assert "Now: second (core, 9 minutes)" in said
        assert "second.half: 0 of 3 points so far.\n" in said
        assert "Failed:" not in said  # feedback to what nobody has written yet can wait
        small.save("second", STUB, half=HALF)
        said = begun.waiting()
        assert "second.half 3 of 3 points, second 0 of 3 points.\n" in said
        small.save("second", ONE_MORE, half=HALF)
        said = begun.waiting()
        assert "Checking second.half" not in said
        assert "second has passed.\n\nNow: bonus (stretch, 9 minutes)" in said
        assert (
            "2 of 3 exercises passed.\nLesson 01 More of it: second (passed), bonus (now)" in said
        )
        small.save("bonus", DOUBLE)
        begun.wait_until_said("bonus has passed.\n\nEvery exercise has passed.\n")
        assert begun.ended() == 0

    def test_feedback_that_waited_for_a_save_comes_with_it(
        self, watching: Watch, small: SmallCourse
    ) -> None:
        small.save("first", DOUBLE)
        watched = watching()
        assert "second.half: 0 of 3 points so far.\n" in watched.waiting()
        small.save("second", STUB, half=STUB)
        said = watched.waiting()
        assert "Failed: of two" in said
        assert "Hint 1 of 2" in said
        assert "Hint 2 of 2" not in said

    def test_the_steps_come_first(self, watching: Watch) -> None:
        said = watching("second").waiting()
        assert "second.half 0 of 3 points, second not judged yet.\n" in said

    def test_whoever_leaves_the_step_out_is_judged_too(
        self, watching: Watch, small: SmallCourse
    ) -> None:
        watched = watching("second")
        watched.waiting()
        small.save("second", WRONG, half=STUB)
        said = watched.waiting()
        assert "Checking second ..." in said
        assert "Checking second.half" not in said
        small.save("second", ONE_MORE, half=STUB)
        watched.wait_until_said("second has passed.")

    def test_a_stretch_exercise_names_the_core_exercise_behind_it(
        self, watching: Watch, small: SmallCourse
    ) -> None:
        watched = watching("second")
        watched.waiting()
        small.save("second", ONE_MORE, half=HALF)
        said = watched.waiting()
        assert "Now: bonus" in said
        assert "The next core exercise: labsupport watch first\n" in said

    def test_a_copy_without_solutions_names_none(self, watching: Watch, small: SmallCourse) -> None:
        shutil.rmtree(small.root / "solutions")
        small.save("first", DOUBLE)
        assert "solution" not in watching().waiting()

    def test_answers_that_pass_already_are_passed_by_and_remembered(
        self, watching: Watch, small: SmallCourse, labsupport: Run
    ) -> None:
        small.save("first", DOUBLE)
        small.save("second", ONE_MORE, half=HALF)
        said = watching().waiting()
        assert "second.half passes.\n" in said
        assert "Now: bonus" in said
        shown = labsupport("progress", cwd=small.root).stdout
        assert "2 of 3 exercises passed (core 2 of 2, stretch 0 of 1), 9 of 12 points.\n" in shown

    def test_with_every_exercise_passed_it_ends_at_once(
        self, watching: Watch, small: SmallCourse
    ) -> None:
        small.save("first", DOUBLE)
        small.save("second", ONE_MORE, half=HALF)
        small.save("bonus", DOUBLE)
        assert watching().ended() == 0
        again = watching()
        again.wait_until_said("Every exercise has passed.\n")
        assert again.ended() == 0
        assert "Checking" not in again.text


class TestTrouble:
    def test_a_file_that_cannot_be_used_is_said_and_the_watch_goes_on(
        self, begun: Watched, small: SmallCourse
    ) -> None:
        right = f"%%answer first\n{DOUBLE}"
        for content, said in [
            (notebook(right)[:-9], "first.ipynb is not a notebook: it is not JSON (line 1)."),
            ("", "is not a notebook: it is not JSON (line 1)."),
            ("[]", "is JSON, but not a notebook"),
            (notebook(right.replace("first", "frist")), "It has answers for: frist."),
            (notebook("x = 1"), "has no answer cell for first."),
            (notebook("%%answer first\n"), "The answer cell for first is empty."),
            (notebook(right, right), "has 2 answer cells for first"),
            (
                notebook("%%answer first\ndef f(number)"),
                "  2 | def f(number)\n    |              ^",
            ),
        ]:
            small.notebook("first").write_text(content, "utf-8")
            begun.wait_until_said(said)
            begun.waiting()
        small.save("first", DOUBLE)
        begun.wait_until_said("first has passed.")

    def test_a_save_that_comes_in_two_parts_is_judged_when_it_is_whole(
        self, begun: Watched, small: SmallCourse
    ) -> None:
        text = notebook(f"%%answer first\n{DOUBLE}")
        with small.notebook("first").open("w", encoding="utf-8") as file:
            file.write(text[:200])
            file.flush()
            begun.wait_until_said("it is not JSON")
            file.write(text[200:])
        begun.wait_until_said("first has passed.")

    def test_a_file_that_is_deleted_is_said_and_the_watch_goes_on(
        self, begun: Watched, small: SmallCourse
    ) -> None:
        small.notebook("first").unlink()
        begun.wait_until_said(
            "exercises/00_first/first.ipynb is not there. Put it back; the watch goes on.\n"
        )
        begun.waiting()
        small.save("first", DOUBLE)
        begun.wait_until_said("first has passed.")

    def test_a_missing_step_does_not_hide_the_exercise(
        self, watching: Watch, small: SmallCourse
    ) -> None:
        watched = watching("second")
        watched.waiting()
        small.save("second", ONE_MORE)
        watched.wait_until_said("has no answer cell for second.half. It has answers for: second.")
        watched.wait_until_said("second has passed.")

    def test_checks_that_cannot_be_loaded_are_said_and_the_watch_goes_on(
        self, watching: Watch, small: SmallCourse
    ) -> None:
        checks = small.folder("first") / "checks.py"
        sound = checks.read_text("utf-8")
        checks.write_text("1 / 0", "utf-8")
        watched = watching("first")
        assert "checks.py cannot be loaded: ZeroDivisionError" in watched.waiting()
        checks.write_text(sound, "utf-8")
        small.save("first", DOUBLE)
        watched.wait_until_said("first has passed.")

    def test_without_a_history_it_goes_the_same_way(
        self, watching: Watch, small: SmallCourse
    ) -> None:
        (small.root / ".labsupport").write_text("in the way", "utf-8")
        small.save("first", DOUBLE)
        watched = watching()
        said = watched.waiting()
        assert said.count("The history of tries and votes") == 1
        assert "1 of 3 exercises passed.\n" in said
        small.save("second", ONE_MORE, half=HALF)
        small.save("bonus", DOUBLE)
        watched.wait_until_said("Every exercise has passed.\n")
        assert watched.ended() == 0

    def test_a_course_that_goes_away_ends_it_with_2(
        self, begun: Watched, small: SmallCourse
    ) -> None:
        (small.root / "exercises").rename(small.root / "elsewhere")
        begun.wait_until_said("exercises is gone, so there is nothing left to watch.\n")
        assert begun.ended() == 2

    @pytest.mark.parametrize(
        ("slug", "said"),
        [
            ("frist", "There is no exercise 'frist'. Did you mean 'first'?"),
            ("second.hlf", "There is no 'second.hlf'. second has: second.half, second.\n"),
            ("", "There is no exercise ''."),
        ],
    )
    def test_an_unknown_slug_ends_it_with_2(self, watching: Watch, slug: str, said: str) -> None:
        watched = watching(slug)
        watched.wait_until_said(said)
        assert watched.ended() == 2

    def test_a_folder_outside_of_a_course_is_said(self, labsupport: Run, tmp_path: Path) -> None:
        result = labsupport("watch", cwd=tmp_path)
        assert result.returncode == 2
        assert "is not inside a course folder" in result.stderr

    def test_saves_are_seen_where_the_system_does_not_tell_of_them(
        self, watching: Watch, small: SmallCourse
    ) -> None:
        watched = watching(WATCHFILES_FORCE_POLLING="1", WATCHFILES_POLL_DELAY_MS="600000")
        watched.waiting()
        for number in range(3, 6):  # faster than one a second, which is what polling can tell apart
            small.save("first", f"def f(number):\n    return {number}")
            watched.wait_until_said(f"came      {number}")

    @pytest.mark.linux
    def test_a_user_who_has_no_watches_left_is_told_and_saves_are_seen(
        self, watching: Watch, small: SmallCourse
    ) -> None:
        none_left = "echo 0 > /proc/sys/user/max_inotify_instances"
        if subprocess.run(["unshare", "-Ur", "sh", "-c", none_left], check=False).returncode:
            pytest.skip("needs a user namespace to run out of watches in")
        watched = watching(before=["unshare", "-Ur", "sh", "-c", f'{none_left}; exec "$@"', "sh"])
        watched.wait_until_said("This system does not tell of changes (")
        small.save("first", DOUBLE)
        watched.wait_until_said("first has passed.")

    def test_a_pipe_that_does_not_take_every_letter_is_enough(
        self, watching: Watch, small: SmallCourse
    ) -> None:
        watched = watching(PYTHONIOENCODING="iso8859-5", PYTHONUTF8="0")
        watched.waiting()
        small.save("first", "def f(number):\n    return 'ü'\n")
        watched.wait_until_said("came      '?'")
        watched.waiting()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
class TestTheEnd:
    @pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
    def test_a_signal_ends_it_with_0_and_nothing_is_left(
        self, begun: Watched, small: SmallCourse, name: str
    ) -> None:
        small.save("first", WRONG)
        begun.waiting()
        started = begun.children()
        assert started
        begun.interrupt(signal.Signals[name])
        begun.wait_until_said("The watch has ended.\n")
        assert begun.ended() == 0
        assert psutil.wait_procs(started, timeout=PATIENCE)[1] == []

    def test_ctrl_c_ends_it_while_an_answer_runs(self, begun: Watched, small: SmallCourse) -> None:
        small.save("first", NEVER)
        begun.wait_until_said("Checking first ...")

        def busy() -> list[psutil.Process]:
            return [each for each in begun.children() if sum(each.cpu_times()[:2]) > 0.5]

        poll(busy, deadline=PATIENCE, said="the answer does not run")
        started = begun.children()
        begun.interrupt()
        assert begun.ended() == 0
        assert psutil.wait_procs(started, timeout=PATIENCE)[1] == []
        assert "Failed" not in begun.text.partition("Checking first ...")[2].partition("Check")[2]
