"""`labsupport release`: what is in the copy, what stays, and that nothing is ever lost or half."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labsupport.checking import Answer, EngineError, InputError
from labsupport.checking.exercise import exercise_folders, load_exercises
from labsupport.checking.variants import SECRET, drawn
from labsupport.grading.handed import Student
from labsupport.publishing.release import CUT, END, NEEDED, release
from tests.cli.watched import Watched, environment
from tests.notebooks.examples import cell, notebook, stream, write
from tests.notebooks.files import ROOT, as_text, read
from tests.promises import course
from tests.promises.test_links import IMAGE, LINK, OUTSIDE
from tests.publishing.conftest import Labsupport, commit, git
from tests.publishing.leaks import files_in, leaks, secrets

TRIED = as_text(notebook(cell("%%answer greet\nmine = 1", stream("tried\n"))))
pytestmark = pytest.mark.timeout(300)

RIGHT = course.ANSWERS / "greet" / "right_pieces.py"
GREET = "exercises/00_greet/greet.ipynb"


def ordered(root: Path, target: Path, first: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in a process that does something before, when all is imported."""
    imports = "import labsupport.publishing.release\nfrom labsupport.cli import main"
    program = f"{imports}\n{first}\nmain(['release', {str(target)!r}])"
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=root / "exercises",
        # Whoever may not write a whole file writes half of its bytecode, too.
        env=environment(PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=60,
    )


def names(folder: Path) -> set[str]:
    return set(files_in(folder))


class TestContents:
    def test_all_of_lessons_exercises_and_labsupport_is_in_the_copy(
        self, whole: Path, copy: Path
    ) -> None:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=whole, capture_output=True, check=True)
        tracked = done.stdout.decode().split("\0")[:-1]
        given = ("notebooks/", "exercises/", "labsupport/")
        expected = {path for path in tracked if path.startswith(given)} | NEEDED
        assert names(copy) == expected

    def test_lessons_and_programs_are_in_the_copy_as_they_are(
        self, whole: Path, copy: Path
    ) -> None:
        changed = [
            name
            for name, data in files_in(copy).items()
            if data != (whole / name).read_bytes() and not name.startswith("exercises/")
        ]
        assert changed == ["README.md"]

    def test_an_exercise_loses_outputs_and_counts_and_nothing_else(
        self, whole: Path, copy: Path
    ) -> None:
        paths = [path for path in course.notebooks() if "exercises" in path.parts]
        assert len(paths) == len(course.slugs())
        for path in paths:
            expected = json.loads((whole / course.short(path)).read_text(encoding="utf-8"))
            for one in expected["cells"]:
                if one["cell_type"] == "code":
                    one |= {"outputs": [], "execution_count": None}
            given = copy / course.short(path)
            assert json.loads(given.read_text(encoding="utf-8")) == expected
            assert given.read_text(encoding="utf-8") == as_text(read(given))

    def test_the_checks_of_every_exercise_are_there_and_load(self, own: Path) -> None:
        folders = exercise_folders(own)
        assert list(folders) == list(exercise_folders(ROOT))
        for slug, folder in folders.items():
            assert slug in load_exercises(folder)

    def test_a_readme_for_learners_has_no_word_of_what_is_not_there(self, copy: Path) -> None:
        text = (copy / "README.md").read_text(encoding="utf-8")
        assert text.startswith("# Network Programming, Live\n")
        for section in ("Two commands", "Lessons", "How an answer is checked", "Licence"):
            assert f"\n## {section}\n" in text
        found = re.findall(
            r"<!--|solutions/|tests/|labsupport grade|labsupport release|\n{3}", text
        )
        assert found == []

    def test_the_marks_of_the_readme_come_in_pairs(self) -> None:
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        marks = re.findall(f"{re.escape(CUT)}|{re.escape(END)}", text)
        assert marks == [CUT, END] * (len(marks) // 2)
        assert text.count("<!--") == len(marks)

    def test_every_link_leads_to_something_in_the_copy(self, copy: Path) -> None:
        broken = []
        for path in (copy / "README.md", *copy.rglob("*.ipynb")):
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".ipynb":
                text = "\n".join(one.source for one in course.prose(read(path)))
            for target in (*LINK.findall(course.without_code(text)), *IMAGE.findall(text)):
                place = path.parent / target.partition("#")[0]
                if not OUTSIDE.match(target) and not place.exists():
                    broken.append(f"{path.name}: {target}")
        assert broken == []


class TestWhatIsGiven:
    def test_what_is_not_listed_stays_though_it_is_committed(
        self, small: Path, tmp_path: Path
    ) -> None:
        before = names(release(small, tmp_path / "before").target)
        for name in (
            "drafts/00_a.ipynb",
            "notebooks/.ipynb_checkpoints/00_a-checkpoint.ipynb",
            "notebooks/tried.ipynb",
            "exercises/00_greet/greet.py",
            "exercises/00_greet/solution.ipynb",
            "exercises/notes.md",
            "labsupport/__pycache__/cli.cpython-311.pyc",
            "labsupport/.cache/a.py",
            "tests/answers/greet/right.py",
            "tests/notebooks/test_plugin.py",
            "graded/gradebook.csv",
            ".venv/lib/a.py",
            ".labsupport/history.sqlite",
            ".env",
        ):
            (small / name).parent.mkdir(parents=True, exist_ok=True)
            (small / name).write_text("kept")
        git(small, "init", "--quiet")
        git(small, "add", "--all", "--force")
        commit(small)
        assert names(release(small, tmp_path / "after").target) == before
        shutil.rmtree(small / ".git")
        assert names(release(small, tmp_path / "elsewhere").target) == before

    def test_of_a_checkout_what_is_committed_is_given_and_what_differs_is_named(
        self, small: Path, tmp_path: Path
    ) -> None:
        commit(small)
        (small / GREET).write_text(TRIED, encoding="utf-8")
        (small / "notebooks" / "01_draft.ipynb").write_text("a draft")
        (small / "notebooks" / "00_a.ipynb").unlink()
        done = release(small, tmp_path / "copy")
        assert "mine" not in (done.target / GREET).read_text(encoding="utf-8")
        assert (done.target / "notebooks" / "00_a.ipynb").read_text() == "notebooks/00_a.ipynb\n"
        assert not (done.target / "notebooks" / "01_draft.ipynb").exists()
        assert sorted(done.left) == [GREET, "notebooks/00_a.ipynb", "notebooks/01_draft.ipynb"]
        assert "Released as committed, not as they lie here: " in str(done)
        assert (small / GREET).read_text(encoding="utf-8") == TRIED

    def test_a_course_in_a_folder_of_a_checkout_is_given_as_committed_too(
        self, small: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "repository").mkdir()
        inside = small.rename(tmp_path / "repository" / "course")
        commit(tmp_path / "repository")
        (inside / GREET).write_text(TRIED, encoding="utf-8")
        (tmp_path / "repository" / "README.md").write_text("of another matter")
        done = release(inside, tmp_path / "copy")
        assert done.committed
        assert "mine" not in (done.target / GREET).read_text(encoding="utf-8")
        assert done.left == (GREET,)

    def test_a_repository_that_only_lies_above_is_not_asked(
        self, small: Path, tmp_path: Path
    ) -> None:
        git(tmp_path, "init", "--quiet")
        assert not release(small, tmp_path / "copy").committed

    def test_elsewhere_the_files_are_given_as_they_lie_and_that_is_said(
        self, small: Path, tmp_path: Path
    ) -> None:
        (small / GREET).write_text(TRIED, encoding="utf-8")
        done = release(small, tmp_path / "copy")
        given = (done.target / GREET).read_text(encoding="utf-8")
        assert "mine" in given
        assert "tried" not in given
        assert "is no git checkout" in str(done)

    @pytest.mark.skipif(sys.platform == "win32", reason="a link asks for a right there")
    def test_a_link_is_not_followed(self, small: Path, tmp_path: Path) -> None:
        (tmp_path / "private.py").write_text("private")
        (small / "labsupport" / "linked.py").symlink_to(tmp_path / "private.py")
        assert "labsupport/linked.py" not in names(release(small, tmp_path / "elsewhere").target)
        commit(small)
        assert "labsupport/linked.py" not in names(release(small, tmp_path / "checkout").target)


class TestRefusals:
    def refused(self, root: Path, target: Path) -> str:
        """The message of a release that was refused; nothing has changed."""
        around = target.parent
        before = {path: path.stat().st_mtime_ns for path in around.rglob("*")}
        with pytest.raises(InputError) as refusal:
            release(root, target)
        assert {path: path.stat().st_mtime_ns for path in around.rglob("*")} == before
        return str(refusal.value)

    def test_a_folder_that_is_not_empty_is_left_as_it_is(self, small: Path, tmp_path: Path) -> None:
        target = tmp_path / "class"
        target.mkdir()
        (target / "mine").write_text("mine")
        assert "is not empty. Give the name of a new folder." in self.refused(small, target)

    def test_a_file_is_left_as_it_is(self, small: Path, tmp_path: Path) -> None:
        target = tmp_path / "class"
        target.write_text("mine")
        assert "is a file" in self.refused(small, target)

    def test_an_empty_folder_is_taken(self, small: Path, tmp_path: Path) -> None:
        (tmp_path / "class").mkdir()
        assert "README.md" in names(release(small, tmp_path / "class").target)

    @pytest.mark.parametrize("inside", [".", "class", "exercises/class", "solutions/../class"])
    def test_a_place_in_the_course_is_refused(self, small: Path, inside: str) -> None:
        assert "lies in the course itself" in self.refused(small, small / inside)

    def test_a_folder_that_holds_the_course_is_refused(self, small: Path) -> None:
        assert "is not empty" in self.refused(small, small.parent)

    def test_a_place_in_a_folder_that_is_not_there_is_refused(
        self, small: Path, tmp_path: Path
    ) -> None:
        assert "There is no folder" in self.refused(small, tmp_path / "nowhere" / "class")

    def test_a_copy_is_not_released_again(self, small: Path, tmp_path: Path) -> None:
        copy = release(small, tmp_path / "copy").target
        assert "is a learners' copy itself" in self.refused(copy, tmp_path / "again")

    def test_a_course_that_lacks_a_file_is_refused_by_its_name(
        self, small: Path, tmp_path: Path
    ) -> None:
        (small / "tests" / "everything.py").unlink()
        said = self.refused(small, tmp_path / "class")
        assert "are missing: tests/everything.py." in said
        commit(small)
        (small / "tests" / "everything.py").write_text("")
        said = self.refused(small, tmp_path / "class")
        assert "are not committed: tests/everything.py." in said

    def test_a_checkout_without_a_commit_is_refused_with_what_git_says(
        self, small: Path, tmp_path: Path
    ) -> None:
        git(small, "init", "--quiet")
        assert "git cannot say what is committed" in self.refused(small, tmp_path / "class")

    def test_a_notebook_that_is_none_is_refused_by_its_name(
        self, small: Path, tmp_path: Path
    ) -> None:
        (small / GREET).write_text("{", encoding="utf-8")
        assert f"{GREET} cannot be read as a notebook" in self.refused(small, tmp_path / "class")


class TestWhole:
    """The copy is there whole, or not at all."""

    @pytest.mark.skipif(sys.platform == "win32", reason="it has no limit on the size of a file")
    def test_a_disk_that_takes_no_more_is_said_and_leaves_nothing(
        self, small: Path, tmp_path: Path
    ) -> None:
        place = tmp_path / "class"
        place.mkdir()
        limit = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (100, r.RLIM_INFINITY))"
        done = ordered(small, place / "learners", limit)
        assert done.returncode == 2, done
        assert f"The copy cannot be written to {place / 'learners'}: File too large." in done.stderr
        assert list(place.iterdir()) == []

    @pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
    def test_a_run_that_is_killed_leaves_no_half_copy_and_the_next_one_works(
        self, small: Path, tmp_path: Path
    ) -> None:
        place = tmp_path / "class"
        place.mkdir()
        kill = (
            "import os, signal, sys\n"
            "opened = []\n"
            "def hook(event, arguments):\n"
            "    if event == 'open' and 'learners' in str(arguments[0]):\n"
            "        opened.append(arguments[0])\n"
            "        if len(opened) > 3:\n"
            "            os.kill(os.getpid(), signal.SIGKILL)\n"
            "sys.addaudithook(hook)"
        )
        done = ordered(small, place / "learners", kill)
        assert done.returncode == -signal.SIGKILL, done
        assert not (place / "learners").exists()
        assert len(names(place)) >= 3, "it was killed in the middle"
        assert "README.md" in names(release(small, place / "learners").target)


class TestVariants:
    """A copy for each student, whose protocols have constants of their own."""

    def test_answers_are_graded_by_the_constants_of_their_students_copy(
        self, whole: Path, labsupport: Labsupport, tmp_path: Path
    ) -> None:
        root = shutil.copytree(whole, tmp_path / "course")
        (root / SECRET).write_text('secret = "s"\n')
        framing = load_exercises(course.folder("framing"))["framing"]
        constants = {
            name: drawn("framing", framing.variants, "s", name) for name in map(str, range(50))
        }
        ann = next(name for name, each in constants.items() if each["byteorder"] == "little")
        bob = next(name for name, each in constants.items() if each["byteorder"] == "big")
        (tmp_path / "roster.csv").write_text(f"id\n{ann}\n{bob}\n")
        words = ("--variant-by", "student", "--roster", tmp_path / "roster.csv")
        target = tmp_path / "copies"
        done = labsupport(root, "release", target, *words)
        assert (done.returncode, done.stderr) == (0, ""), done
        assert done.stdout.startswith("A copy for each of 2 students, ")
        assert {path.name for path in target.iterdir()} == {ann, bob}
        # A wrong answer to the task's own byte order is a line of the other's stub.
        kept = {one: at for one, at in secrets().items() if not at.startswith("tests/answers")}
        assert len(kept) > 1000
        assert leaks(files_in(target), kept) == []
        assert "__pycache__" not in "".join(names(target))
        folder = Path("exercises", course.folder("framing").name)
        for name, order in ((ann, "little-endian"), (bob, "big-endian")):
            task = (target / name / folder / "framing.ipynb").read_text(encoding="utf-8")
            assert f"unsigned, {order}" in task
        framing.vary(constants[ann])
        source = Answer.from_path(course.solution("framing"), "framing").source
        for name in (ann, bob):  # bob hands in what ann wrote
            place = tmp_path / "class" / name / "framing.py"
            place.parent.mkdir(parents=True)
            place.write_text(framing.retold(source), encoding="utf-8")
        assert labsupport(root, "grade", tmp_path / "class").returncode == 0
        book = (root / "graded" / "gradebook.csv").read_text(encoding="utf-8")
        totals = {row["id"]: int(row["total"]) for row in csv.DictReader(book.splitlines())}
        of = framing.points + sum(each.points for each in course.hidden("framing"))
        assert totals[bob] < totals[ann] == of

    @pytest.mark.parametrize(
        "name", ["../ann", "a/b", ".ann", "-x", "a:b", "a b", "ann.", "NUL", "con.1", "com1"]
    )
    def test_an_id_that_is_no_name_of_a_folder_is_refused(
        self, name: str, small: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(InputError, match="cannot be the name of a folder"):
            release(small, tmp_path / "copies", [Student("ann"), Student(name)])
        assert not (tmp_path / "copies").exists()

    @pytest.mark.parametrize("name", ["a", "ann-2@example.org", "console", "nullah", "7", "com"])
    def test_an_id_that_is_one_is_taken(self, name: str, small: Path, tmp_path: Path) -> None:
        target = release(small, tmp_path / "copies", [Student(name)]).target
        assert [each.name for each in target.iterdir()] == [name]

    def test_ids_that_are_one_name_elsewhere_are_refused(self, small: Path, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="Ann and ann are one name on Windows"):
            release(small, tmp_path / "copies", [Student("Ann"), Student("bob"), Student("ann")])

    def test_a_roster_without_a_student_is_refused(self, small: Path, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="The roster names no student"):
            release(small, tmp_path / "copies", [])
        assert not (tmp_path / "copies").exists()

    def test_what_cannot_be_released_leaves_no_secret(self, small: Path, tmp_path: Path) -> None:
        (small / "exercises" / "00_greet" / "checks.py").write_text("1 / 0\n")
        with pytest.raises(EngineError):
            release(small, tmp_path / "copies", [Student("ann")])
        assert not (small / SECRET).exists()
        assert not (tmp_path / "copies").exists()

    def test_constants_are_those_of_the_checks_that_are_committed(
        self, small: Path, tmp_path: Path
    ) -> None:
        commit(small)
        (small / "exercises" / "00_greet" / "checks.py").write_text("1 / 0\n")
        done = release(small, tmp_path / "copies", [Student("ann")])
        assert done.students == 1
        assert (small / SECRET).exists()

    def test_a_copy_for_all_is_refused_where_students_have_their_own(
        self, small: Path, tmp_path: Path
    ) -> None:
        (small / SECRET).write_text('secret = "s"\n')
        with pytest.raises(InputError, match="--variant-by student"):
            release(small, tmp_path / "copy")
        assert not (tmp_path / "copy").exists()

    def test_a_roster_and_what_varies_go_together(
        self, labsupport: Labsupport, tmp_path: Path
    ) -> None:
        for words in (("--variant-by", "student"), ("--roster", "roster.csv")):
            done = labsupport(ROOT, "release", tmp_path / "copies", *words)
            assert done.returncode == 2
            assert "go together" in done.stderr


class TestUse:
    """What a learner does in the copy, and how an instructor gets it."""

    def test_the_command_says_where_the_copy_is(self, small: Path, tmp_path: Path) -> None:
        commit(small)
        target = tmp_path / "learners"
        done = ordered(small, target)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"The learners' copy, {len(names(target))} files: {target}\n"
        again = ordered(small, target)
        assert (again.returncode, again.stdout) == (2, "")
        assert again.stderr == f"{target} is not empty. Give the name of a new folder.\n"

    def test_check_and_progress_work(self, own: Path, labsupport: Labsupport) -> None:
        stub = labsupport(own, "check", "greet")
        assert (stub.returncode, stub.stderr) == (1, "")
        assert "Hint 1 of" in stub.stdout
        right = labsupport(own, "check", "greet", RIGHT)
        assert (right.returncode, right.stderr) == (0, "")
        progress = labsupport(own, "progress").stdout
        assert f"1 of {len(course.slugs())} exercises passed" in progress
        hidden = labsupport(own, "check", "greet", "--hidden")
        assert hidden.returncode == 2
        assert "This copy of the course has no hidden checks" in hidden.stderr

    def test_grade_works_and_says_that_hidden_checks_are_not_run(
        self, own: Path, labsupport: Labsupport, tmp_path: Path
    ) -> None:
        student = tmp_path / "class" / "ann"
        student.mkdir(parents=True)
        shutil.copy(RIGHT, student / "greet.py")
        done = labsupport(own, "grade", student.parent)
        assert done.returncode == 0, done
        assert "hidden checks are not run" in done.stdout
        assert (own / "graded" / "gradebook.csv").read_text().splitlines()[1].startswith("ann,")

    def test_watch_goes_from_one_exercise_to_the_next(self, own: Path, tmp_path: Path) -> None:
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        with Watched(own, scratch) as watched:
            watched.wait_until_said("Now: greet (")
            watched.waiting()
            shutil.copy(RIGHT, own / "exercises" / "00_greet" / "greet.py")
            watched.wait_until_said("Now: probe (")

    @pytest.mark.slow
    @pytest.mark.timeout(420)
    def test_its_test_runs_lessons_strictly_and_exercises_laxly(self, own: Path) -> None:
        keep(own / "notebooks", "00_start_here.ipynb")
        keep(own / "exercises", "00_greet", "01_probe")
        # A learner has answered one of two, and saved what the notebook showed.
        task = own / GREET
        shown = cell("%load_ext labsupport\nprint('other')", stream("than before\n"))
        write(task, shown, cell("%%answer greet\ndef greet(name):\n    return name"))
        code, said = everything(own)
        assert (code, "2 passed, 0 failed" in said) == (0, True), said
        write(task, cell("%load_ext labsupport"), cell("%%answer greet\nundefined"))
        write(own / "notebooks" / "00_start_here.ipynb", shown)
        code, said = everything(own)
        assert code == 1
        assert "NameError" in said
        assert "FAILED  lessons strictly" in said
        assert "FAILED  exercises laxly" in said


def keep(folder: Path, *kept: str) -> None:
    """Take all other notebooks, or exercises, out of a folder."""
    for path in folder.iterdir():
        if path.name not in kept and (path.suffix == ".ipynb" or (path / "checks.py").exists()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def everything(root: Path) -> tuple[int, str]:
    """Run what `make test` runs: the exit status, and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.everything"],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=200,
    )
    return done.returncode, done.stdout
