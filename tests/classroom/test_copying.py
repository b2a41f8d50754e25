"""A user's copy of the course gets what is new and keeps what the user wrote."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labsupport.checking import InputError
from labsupport.classroom.copying import Brought, bring
from tests.classroom.conftest import CHECKS, EXERCISE, LESSON, Place, cells, notebook

HANDED_OUT = {LESSON, EXERCISE, CHECKS, "LICENSE"}


def update(course: Place, copy: Place) -> Brought:
    return bring(course.root, copy.root)


def answered(data: bytes) -> bytes:
    return notebook(cells(data) | {"answer": "%%answer greet\nmine"}, check="passed")


def improved(data: bytes) -> bytes:
    return notebook(cells(data) | {"task": "Write greet, please."})


def test_a_copy_has_lessons_and_exercises_and_no_solutions(course: Place, copy: Place) -> None:
    assert set(update(course, copy).added) == HANDED_OUT
    assert copy.files() == {name: course[name] for name in HANDED_OUT}


def test_a_second_run_does_nothing(course: Place, copy: Place) -> None:
    update(course, copy)
    before = {path: path.stat().st_mtime_ns for path in copy.root.rglob("*") if path.is_file()}
    assert update(course, copy) == Brought()
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_the_user_has_not_changed_is_replaced(course: Place, copy: Place) -> None:
    update(course, copy)
    course[CHECKS] = "# repaired\n"
    assert update(course, copy) == Brought(replaced=[CHECKS])
    assert copy[CHECKS] == b"# repaired\n"


def test_what_the_user_changed_stays_while_the_course_does_not_change(
    course: Place, copy: Place
) -> None:
    update(course, copy)
    copy[EXERCISE] = mine = answered(course[EXERCISE])
    copy[CHECKS] = "# mine\n"
    assert update(course, copy) == Brought()
    assert (copy[EXERCISE], copy[CHECKS]) == (mine, b"# mine\n")


def renumbered(course: Place) -> None:
    """Lesson 00 is number 01 now, and its exercise with it."""
    (course.root / "exercises" / "00_greet").rename(course.root / "exercises" / "01_greet")


def test_an_answer_moves_along_when_its_exercise_gets_another_number(
    course: Place, copy: Place
) -> None:
    update(course, copy)
    copy[EXERCISE] = mine = answered(course[EXERCISE])
    copy["exercises/00_greet/notes.txt"] = "mine"
    renumbered(course)
    new = EXERCISE.replace("00_greet", "01_greet")
    course[new] = improved(course[new])
    assert update(course, copy) == Brought(moved=["exercises/01_greet"], merged=[new])
    assert cells(copy[new]) == cells(improved(mine)) | {"answer": "%%answer greet\nmine"}
    assert copy["exercises/01_greet/notes.txt"] == b"mine"
    assert not (copy.root / "exercises" / "00_greet").exists()
    assert update(course, copy) == Brought()


def test_a_kill_between_the_moves_of_a_folder_is_made_good(course: Place, copy: Place) -> None:
    update(course, copy)
    copy[EXERCISE] = mine = answered(course[EXERCISE])
    renumbered(course)
    kept = copy.root / ".handed_out" / "files" / "exercises"
    (kept / "00_greet").rename(kept / "01_greet")
    assert update(course, copy) == Brought(moved=["exercises/01_greet"])
    assert copy[EXERCISE.replace("00_greet", "01_greet")] == mine


def test_a_folder_does_not_move_over_another(course: Place, copy: Place) -> None:
    update(course, copy)
    copy[EXERCISE] = mine = answered(course[EXERCISE])
    renumbered(course)
    copy["exercises/01_greet/notes.txt"] = "mine"
    update(course, copy)
    assert copy[EXERCISE] == mine
    assert copy["exercises/01_greet/notes.txt"] == b"mine"


def test_a_notebook_that_both_have_changed_has_the_answer_and_the_new_text(
    course: Place, copy: Place
) -> None:
    update(course, copy)
    copy[EXERCISE] = answered(course[EXERCISE])
    course[EXERCISE] = improved(course[EXERCISE])
    assert update(course, copy) == Brought(merged=[EXERCISE])
    assert cells(copy[EXERCISE]) == {
        "task": "Write greet, please.",
        "answer": "%%answer greet\nmine",
        "check": "%",
    }
    assert update(course, copy) == Brought()


def test_a_merged_notebook_gets_the_next_version_too(course: Place, copy: Place) -> None:
    update(course, copy)
    copy[EXERCISE] = answered(course[EXERCISE])
    course[EXERCISE] = improved(course[EXERCISE])
    update(course, copy)
    course[EXERCISE] = notebook(cells(course[EXERCISE]) | {"task": "Third."})
    update(course, copy)
    assert cells(copy[EXERCISE])["task"] == "Third."
    assert cells(copy[EXERCISE])["answer"] == "%%answer greet\nmine"


def test_a_notebook_that_was_only_run_is_replaced(course: Place, copy: Place) -> None:
    update(course, copy)
    copy[LESSON] = notebook(cells(course[LESSON]), setup="run by the user", vote="")
    course[LESSON] = notebook({"setup": "import socket, sys"})
    assert update(course, copy) == Brought(replaced=[LESSON])
    assert copy[LESSON] == course[LESSON]


def test_of_any_other_file_that_both_have_changed_the_courses_lies_beside(
    course: Place, copy: Place
) -> None:
    update(course, copy)
    copy[CHECKS] = "# mine\n"
    course[CHECKS] = "# repaired\n"
    (beside,) = update(course, copy).beside
    assert Path(beside).match("exercises/00_greet/checks.course-*.py")
    assert (copy[CHECKS], copy[beside]) == (b"# mine\n", b"# repaired\n")
    assert update(course, copy) == Brought()


def test_a_file_of_the_users_that_the_course_has_later_stays(course: Place, copy: Place) -> None:
    update(course, copy)
    name = "notebooks/01a_calls.ipynb"
    copy[name] = notebook({"a": "my notes"})
    course[name] = notebook({"a": "the lesson"})
    (beside,) = update(course, copy).beside
    assert cells(copy[name]) == {"a": "my notes"}
    assert cells(copy[beside]) == {"a": "the lesson"}


def test_a_damaged_notebook_of_the_user_stays(course: Place, copy: Place) -> None:
    update(course, copy)
    copy[EXERCISE] = b"{half of it"
    course[EXERCISE] = improved(course[EXERCISE])
    (beside,) = update(course, copy).beside
    assert (copy[EXERCISE], copy[beside]) == (b"{half of it", course[EXERCISE])


def test_what_the_user_deleted_comes_back(course: Place, copy: Place) -> None:
    update(course, copy)
    del copy[EXERCISE]
    assert update(course, copy) == Brought(added=[EXERCISE])
    assert copy[EXERCISE] == course[EXERCISE]


def test_what_the_course_no_longer_has_goes(course: Place, copy: Place) -> None:
    update(course, copy)
    shutil.rmtree(course.root / "exercises" / "00_greet")
    assert set(update(course, copy).removed) == {EXERCISE, CHECKS}
    assert not (copy.root / "exercises" / "00_greet").exists()
    assert update(course, copy) == Brought()


def test_what_the_course_no_longer_has_stays_where_the_user_changed_it(
    course: Place, copy: Place
) -> None:
    update(course, copy)
    copy[EXERCISE] = mine = answered(course[EXERCISE])
    del course[EXERCISE]
    assert update(course, copy) == Brought()
    assert copy[EXERCISE] == mine


def test_other_files_of_the_user_are_not_touched(course: Place, copy: Place) -> None:
    update(course, copy)
    copy["exercises/00_greet/greet.py"] = "def greet(name): ..."
    copy[".labsupport/history.sqlite"] = b"tries"
    course[EXERCISE] = improved(course[EXERCISE])
    update(course, copy)
    assert copy["exercises/00_greet/greet.py"] == b"def greet(name): ..."
    assert copy[".labsupport/history.sqlite"] == b"tries"


@pytest.mark.linux
def test_a_file_that_the_user_made_a_link_is_left_alone(
    course: Place, copy: Place, tmp_path: Path
) -> None:
    update(course, copy)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("private")
    del copy[CHECKS]
    (copy.root / CHECKS).symlink_to(elsewhere)
    course[CHECKS] = "# repaired\n"
    assert update(course, copy) == Brought(left=[CHECKS])
    assert elsewhere.read_text() == "private"


@pytest.mark.linux
@pytest.mark.parametrize("name", ["exercises", "exercises/00_greet", ".handed_out/files/exercises"])
def test_nothing_is_written_or_removed_behind_a_folder_that_is_a_link(
    course: Place, copy: Place, tmp_path: Path, name: str
) -> None:
    update(course, copy)
    elsewhere = Place(tmp_path / "elsewhere")
    (copy.root / name).rename(elsewhere.root)
    (copy.root / name).symlink_to(elsewhere.root)
    before = elsewhere.files()
    course[CHECKS] = "# repaired\n"
    assert set(update(course, copy).left) == {EXERCISE, CHECKS}
    shutil.rmtree(course.root / "exercises" / "00_greet")
    assert update(course, copy).removed == []
    assert elsewhere.files() == before


@pytest.mark.linux
@pytest.mark.parametrize("name", ["", ".handed_out", ".handed_out/files", ".handed_out/incoming"])
def test_a_copy_that_is_a_link_is_refused(
    course: Place, copy: Place, tmp_path: Path, name: str
) -> None:
    update(course, copy)
    elsewhere = tmp_path / "elsewhere"
    (copy.root / name).rename(elsewhere)
    (copy.root / name).symlink_to(elsewhere)
    with pytest.raises(InputError, match="is a link"):
        update(course, copy)


@pytest.mark.parametrize("part", ["exercises", "notebooks"])
def test_a_folder_that_is_no_course_is_refused_and_nothing_is_lost(
    course: Place, copy: Place, part: str
) -> None:
    update(course, copy)
    before = copy.files()
    shutil.rmtree(course.root / part)
    with pytest.raises(InputError, match=f"has no folder {part}"):
        update(course, copy)
    assert copy.files() == before


KILLED = """
import os, sys
from pathlib import Path
from labsupport.classroom.copying import main
left, replace = int(sys.argv[1]), Path.replace
def counted(self, target):
    global left
    left -= 1
    if left < 0:
        os._exit(9)
    return replace(self, target)
Path.replace = counted
sys.exit(main(sys.argv[2:]))
"""


def prepared(root: Path) -> tuple[Place, Place]:
    """A copy with an answer, and a course that has since changed, lost and gained files."""
    course, copy = Place(root / "course"), Place(root / "copy")
    course[LESSON] = notebook({"setup": "import socket"})
    course[EXERCISE] = notebook({"task": "Write.", "answer": "...", "check": "%"})
    course[CHECKS] = "# as handed out\n"
    course["exercises/00_greet/old.png"] = b"old"
    update(course, copy)
    copy[EXERCISE] = answered(course[EXERCISE])
    course[EXERCISE] = improved(course[EXERCISE])
    course[CHECKS] = "# repaired\n"
    course[LESSON] = notebook({"setup": "import socket, sys"})
    course["notebooks/01a_calls.ipynb"] = notebook({"a": "1"})
    del course["exercises/00_greet/old.png"]
    return course, copy


def test_a_run_that_is_killed_at_any_file_is_finished_by_the_next(tmp_path: Path) -> None:
    course, copy = prepared(tmp_path / "undisturbed")
    update(course, copy)
    expected = copy.files()
    for number in range(20):
        course, copy = prepared(tmp_path / str(number))
        before = copy.files()
        arguments = [str(number), str(course.root), str(copy.root)]
        status = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False).returncode
        for name, data in copy.files().items():
            assert data in (before.get(name), expected.get(name)), f"{name} is neither old nor new"
        if status == 0:
            break
        assert status == 9
        update(course, copy)
        assert copy.files() == expected
        assert list((copy.root / ".handed_out" / "incoming").iterdir()) == []
    assert status == 0
    assert number == 8  # four files, each written and noted


FULL = """
import resource, signal, sys
from labsupport.classroom.copying import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.linux
def test_a_disk_that_is_full_costs_nothing_that_was_there(tmp_path: Path) -> None:
    course, copy = prepared(tmp_path)
    before = copy.files()
    arguments = ["10", str(course.root), str(copy.root)]
    done = subprocess.run(
        [sys.executable, "-c", FULL, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "could not be brought up to date" in done.stderr
    assert "Traceback" not in done.stderr
    assert copy.files() == before
    update(course, copy)
    assert cells(copy[EXERCISE]) == {
        "task": "Write greet, please.",
        "answer": "%%answer greet\nmine",
        "check": "%",
    }


def test_the_command_says_what_it_did_and_what_it_could_not(course: Place, copy: Place) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "labsupport.classroom.copying", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    first = run(str(course.root), str(copy.root))
    assert first.returncode == 0
    assert first.stdout.startswith("added: LICENSE, ")
    assert run(str(course.root), str(copy.root)).stdout == "nothing to do\n"
    assert run(str(course.root)).returncode == 2
    nowhere = run(str(copy.root / "nowhere"), str(copy.root))
    assert (nowhere.returncode, nowhere.stdout) == (2, "")
    assert "is no complete course" in nowhere.stderr
