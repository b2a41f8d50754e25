"""What a store keeps: each verdict once, by what it depends on, whatever ends the process."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from labsupport.checking import Answer, InputError, Report, Result
from labsupport.checking.hosts import Limits
from labsupport.grading import versions
from labsupport.grading.files import Refused
from labsupport.grading.handed import Handed, Stamp
from labsupport.grading.store import Store
from labsupport.grading.versions import Versions
from tests.checking.course import Course
from tests.grading.conftest import RIGHT, WRONG


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "graded" / "store.sqlite") as store:
        yield store


def key_of(student: str, answer: Answer, seed: int) -> str:
    return f"{answer.slug} {answer.source} {[other.source for other in answer.others]} {seed}"


def handed(student: str, source: str | None = RIGHT, slug: str = "demo", path: str = "") -> Handed:
    answer = None if source is None else Answer(slug, source)
    path = path or f"{student}/{slug}.py"
    return Handed(student, slug, path, None, answer, "" if answer else "It is empty.")


def report(verdict: str = "passed") -> Report:
    result = Result.from_dict({"name": "works", "points": 2, "verdict": verdict, "seed": 1})
    return Report("demo", "A demonstration", "digest", 2, (result,))


def test_the_same_answer_of_two_students_is_judged_once(store: Store) -> None:
    store.collect([handed("ann"), handed("bob"), handed("eve", WRONG)], key_of)
    pending = {each.students: each for each in store.pending()}
    assert set(pending) == {("ann", "bob"), ("eve",)}
    store.add(pending["ann", "bob"].key, report())
    assert [each.students for each in store.pending()] == [("eve",)]
    assert store.count() == (2, 1)
    for student in ("ann", "bob"):
        assert [entry.report for entry in store.entries(student)] == [report()]
    assert [entry.report for entry in store.entries("eve")] == [None]


def test_the_same_answer_of_students_with_different_constants_is_judged_for_each(
    store: Store,
) -> None:
    def key_of_a_student(student: str, answer: Answer, seed: int) -> str:
        return f"{key_of(student, answer, seed)} {student == 'eve'}"

    store.collect([handed("ann"), handed("bob"), handed("eve")], key_of_a_student)
    pending = {each.students: each for each in store.pending()}
    assert set(pending) == {("ann", "bob"), ("eve",)}
    store.add(pending["ann", "bob"].key, report())
    store.add(pending["eve",].key, report("failed"))
    assert [entry.report for entry in store.entries("bob")] == [report()]
    assert [entry.report for entry in store.entries("eve")] == [report("failed")]


def test_what_was_handed_in_is_replaced_and_verdicts_stay(store: Store) -> None:
    store.collect([handed("ann"), handed("bob", WRONG)], key_of)
    for pending in list(store.pending()):
        store.add(pending.key, report())
    store.collect([handed("ann", WRONG)], key_of)
    assert list(store.pending()) == []
    assert store.students() == ["ann"]


def test_an_inconclusive_verdict_is_kept_and_sought_again(store: Store) -> None:
    store.collect([handed("ann")], key_of)
    (pending,) = store.pending()
    store.add(pending.key, report("inconclusive"))
    assert [entry.report for entry in store.entries("ann")] == [report("inconclusive")]
    assert [each.key for each in store.pending()] == [pending.key]
    store.add(pending.key, report())
    assert list(store.pending()) == []


def test_two_different_files_for_an_answer_are_refused_by_name(store: Store) -> None:
    refused = store.collect(
        [
            handed("ann", RIGHT, path="ann/1.ipynb"),
            handed("ann", WRONG, path="ann/2.ipynb"),
            handed("bob", RIGHT, path="bob/1.ipynb"),
            handed("bob", RIGHT, path="bob/2.ipynb"),
            Refused("x.zip", "is damaged"),
        ],
        key_of,
    )
    assert refused == [Refused("x.zip", "is damaged")]
    (entry,) = store.entries("ann")
    assert entry.problem == "Two files answer it: ann/1.ipynb and ann/2.ipynb. Keep one of them."
    assert [each.students for each in store.pending()] == [("bob",)]


def test_an_answer_uses_those_that_the_same_student_handed_in(store: Store) -> None:
    imports = "from answers import checker\n"
    store.collect(
        [
            handed("ann", "x = 1\n", "checker"),
            handed("ann", imports, "monitor"),
            handed("bob", "x = 2\n", "checker"),
            handed("bob", imports, "monitor"),
            handed("eve", imports, "monitor"),
        ],
        key_of,
    )
    used = {
        each.students: [other.source for other in each.answer.others]
        for each in store.pending()
        if each.answer.slug == "monitor"
    }
    assert used == {("ann",): ["x = 1\n"], ("bob",): ["x = 2\n"]}
    (entry,) = store.entries("eve")
    assert entry.problem == (
        "The answer to monitor imports the one to checker. That was not handed in."
    )


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_time_stamp_counts_for_its_folder_only_wherever_it_comes(
    store: Store, place: int
) -> None:
    when = datetime(2026, 10, 1, tzinfo=UTC)
    found: list[Handed | Stamp] = [
        handed("ann", path="ann/a_1/x.py"),
        handed("bob", path="ann/a%1/x.py"),
    ]
    found.insert(place, Stamp("ann/a_1", when))
    store.collect(found, key_of)
    assert [entry.when for entry in store.entries("ann")] == [when]
    assert [entry.when for entry in store.entries("bob")] == [None]


def test_seeds_differ_by_class_and_answer_and_stay(store: Store, tmp_path: Path) -> None:
    answer = Answer("demo", RIGHT)
    seed = store.seed_of(answer)
    assert seed == store.seed_of(answer)
    assert seed != store.seed_of(Answer("demo", WRONG))
    with Store(tmp_path / "other.sqlite") as other:
        assert other.seed_of(answer) != seed


def test_a_store_is_used_by_one_run_at_a_time(store: Store) -> None:
    with pytest.raises(InputError, match="in use: another `labsupport grade` runs"):
        Store(store.path)


@pytest.mark.parametrize("content", [b"nonsense" * 500, b"\x7fELF"])
def test_a_file_of_something_else_is_left_as_it_is(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be used"):
        Store(path)
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE mine (x)")
    database.close()
    with pytest.raises(InputError, match="a database of something else"):
        Store(path)
    assert path.name not in {Path(each.path).name for each in psutil.Process().open_files()}


def test_a_collection_that_breaks_changes_nothing(store: Store) -> None:
    store.collect([handed("ann")], key_of)

    def breaking() -> Iterator[Handed]:
        yield handed("bob")
        raise InputError("the archive is damaged")

    with pytest.raises(InputError, match="damaged"):
        store.collect(breaking(), key_of)
    assert store.students() == ["ann"]


def test_a_full_disk_is_told_and_what_is_stored_stays(store: Store) -> None:
    store.collect([handed("ann"), handed("bob", WRONG)], key_of)
    first, second = store.pending()
    store.add(first.key, report())
    store._database.execute("PRAGMA max_page_count = 1")  # SQLite says what it says on a full disk
    long = replace(report(), problem="x" * 1_000_000)
    with pytest.raises(InputError, match=r"the disk is full\. Make room"):
        store.add(second.key, long)
    assert [each.key for each in store.pending()] == [second.key]


def test_a_damaged_file_is_told(store: Store) -> None:
    store.collect([handed(f"s{number}") for number in range(2000)], key_of)
    with store.path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (store.path.stat().st_size - 8192))
    store._database.execute("PRAGMA cache_size = 1")
    store._database.execute("PRAGMA shrink_memory")
    with pytest.raises(InputError, match=r"cannot be used: .*Give another folder"):
        [list(store.entries(student)) for student in store.students()]


KILLED = """
import os, signal, sys
from pathlib import Path
from labsupport.grading.store import Store
from tests.grading.test_store import handed, key_of, report
store = Store(Path(sys.argv[1]))
store.collect([handed("ann"), handed("bob", "x = 1")], key_of)
pending = list(store.pending())
store.add(pending[0].key, report())
store._database.execute("BEGIN IMMEDIATE")
store._database.execute("UPDATE verdicts SET report = ''")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_kill_in_the_middle_leaves_a_store_that_opens(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=60)
    with Store(path) as store:
        assert store.count() == (2, 1)
        assert [entry.report for entry in store.entries("ann")] in ([report()], [None])
        assert len(list(store.pending())) == 1


class TestVersions:
    """A key changes with what the verdict depends on, and with nothing else."""

    @pytest.fixture
    def key(self, course: Course) -> str:
        return self.key_now(course)

    @staticmethod
    def key_now(
        course: Course, source: str = RIGHT, seed: int = 1, constants: dict[str, int] | None = None
    ) -> str:
        answer = Answer("demo", source)
        return Versions(course.root).key(answer, course.folder, seed, True, constants)

    def test_the_same_again(self, course: Course, key: str) -> None:
        assert self.key_now(course) == key

    def test_a_machine_with_other_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        before, room = versions._engine.__wrapped__(), Limits().sockets
        monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=2**30))
        assert Limits().sockets < room
        assert versions._engine.__wrapped__() == before

    def test_another_answer_or_seed(self, course: Course, key: str) -> None:
        assert self.key_now(course, WRONG) != key
        assert self.key_now(course, "\n" + RIGHT) != key  # its line numbers are others
        assert self.key_now(course, seed=2) != key

    def test_other_constants(self, course: Course, key: str) -> None:
        others = [self.key_now(course, constants={"n": n}) for n in (1, 2)]
        assert len({key, *others}) == 3
        assert self.key_now(course, constants={"n": 1}) == others[0]

    def test_constants_of_this_copy(self, course: Course, key: str) -> None:
        (course.folder / "variant.toml").write_text("n = 1\n")
        assert self.key_now(course) != key

    def test_a_changed_check(self, course: Course, key: str) -> None:
        course.add("one more", "pass")
        assert self.key_now(course) != key

    def test_a_changed_hidden_check(self, course: Course, key: str) -> None:
        course.hide("one more", "pass")
        assert self.key_now(course) != key

    def test_a_changed_module_beside_the_checks(self, course: Course, key: str) -> None:
        (course.folder / "peers.py").write_text("x = 1\n")
        assert self.key_now(course) != key

    def test_a_belief_that_its_checks_name(self, course: Course, key: str) -> None:
        beliefs = course.root / "exercises" / "misconceptions.toml"
        beliefs.write_text(
            beliefs.read_text() + '[other]\nbelief = "b"\ntruth = "t"\nlesson = "1"\n'
        )
        assert self.key_now(course) == key
        beliefs.write_text(beliefs.read_text().replace("flat", "a disc"))
        assert self.key_now(course) != key

    def test_not_a_copy_that_jupyter_keeps(self, course: Course, key: str) -> None:
        kept = course.folder / ".ipynb_checkpoints" / "checks-checkpoint.py"
        kept.parent.mkdir()
        kept.write_text("x = 1\n")
        assert self.key_now(course) == key

    def test_a_module_of_any_bytes(self, course: Course, key: str) -> None:
        keys = set()
        for byte in (b"\xfe", b"\xff"):
            (course.folder / "peers.py").write_bytes(b"# " + byte)
            keys.add(self.key_now(course))
        assert len({key, *keys}) == 3

    def test_not_an_answer_in_the_exercises_folder(self, course: Course, key: str) -> None:
        (course.folder / "demo.py").write_text("x = 1\n")
        (course.folder / "demo.ipynb").write_text("{}")
        assert self.key_now(course) == key
