"""A copy of the course that has a student's constants, in a small course."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from labsupport.checking import InputError
from labsupport.checking.exercise import load_exercises
from labsupport.checking.variants import SECRET, drawn, read_secret
from labsupport.publishing.variants import keep_secret, new_secret, varied, write_variant
from tests.checking.course import Course
from tests.notebooks.examples import cell, stream, write
from tests.notebooks.files import read

CHECKS = """\
from labsupport.checking import *

exercise = Exercise(
    "demo", title="A demonstration", lesson="00", minutes=1, kind="core", entry="f",
    variant={"letter": "Q"}, variants={"letter": tuple("QXYZ")},
    phrases=lambda variant: [f"`{variant.letter}`", f'b"{variant.letter}"'],
)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Course:
    """A learner's copy with an exercise that has variants, and one that has none."""
    course = Course(tmp_path / "course")
    course.write(CHECKS)
    write(
        course.folder / "demo.ipynb",
        cell("# A question begins with `Q`."),
        cell('print(b"Q")', stream("b'Q'\n")),
        cell('%%answer demo\ndef f(letter=b"Q"):\n    ...'),
    )
    course.save("other", {"other": "x = 1"})
    return course


def student(letter: str) -> str:
    """One who draws this letter."""
    names = (f"student {number}" for number in range(1000))
    return next(n for n in names if drawn("demo", {"letter": "QXYZ"}, "s", n)["letter"] == letter)


def test_the_notebook_is_told_anew_and_its_outputs_go(copy: Course) -> None:
    assert write_variant(copy.root, varied(copy.root), "s", student("X")) == {
        "demo": {"letter": "X"}
    }
    notebook = read(copy.folder / "demo.ipynb")
    assert [each.source for each in notebook.cells] == [
        "# A question begins with `X`.",
        'print(b"X")',
        '%%answer demo\ndef f(letter=b"X"):\n    ...',
    ]
    assert [each.get("outputs", []) for each in notebook.cells] == [[], [], []]
    assert load_exercises(copy.folder)["demo"].variant.letter == "X"


def test_other_exercises_stay_as_they_are(copy: Course) -> None:
    files = [path for path in copy.root.rglob("*") if path.is_file()]
    others = [path for path in files if path.parent != copy.folder and path.suffix != ".pyc"]
    before = {path: path.read_bytes() for path in others}
    write_variant(copy.root, varied(copy.root), "s", student("X"))
    assert {path: path.read_bytes() for path in others} == before
    assert not list(copy.root.glob("exercises/01_other/variant.toml"))


def test_who_draws_the_tasks_own_constants_has_them_in_a_file_too(copy: Course) -> None:
    write_variant(copy.root, varied(copy.root), "s", student("Q"))
    assert load_exercises(copy.folder)["demo"].own == {"letter": "Q"}
    assert read(copy.folder / "demo.ipynb").cells[0].source == "# A question begins with `Q`."


def test_a_copy_that_has_constants_is_left_as_it_is(copy: Course) -> None:
    write_variant(copy.root, varied(copy.root), "s", student("X"))
    before = (copy.folder / "demo.ipynb").read_bytes()
    with pytest.raises(InputError, match=r"variant\.toml is there"):
        write_variant(copy.root, varied(copy.root), "s", student("Y"))
    assert (copy.folder / "demo.ipynb").read_bytes() == before


def test_a_copy_without_the_notebook_is_told(copy: Course) -> None:
    (copy.folder / "demo.ipynb").unlink()
    with pytest.raises(InputError, match=r"demo\.ipynb cannot be used"):
        write_variant(copy.root, varied(copy.root), "s", student("X"))


def test_a_secret_is_another_one_each_time() -> None:
    assert len(new_secret()) == 32
    assert new_secret() != new_secret()


def test_a_secret_is_kept_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "solutions").mkdir()
    keep_secret(tmp_path, "s")
    assert read_secret(tmp_path) == "s"
    path = tmp_path / SECRET
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0
    path.write_text(f"# kept since spring\n{path.read_text()}")
    keep_secret(tmp_path, "s")
    assert path.read_text().startswith("# kept since spring")
    assert list(path.parent.iterdir()) == [path]


def test_a_secret_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"variants\.toml cannot be"):
        keep_secret(tmp_path, "s")


def test_a_disk_that_fills_leaves_no_half_of_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "solutions").mkdir()

    def full(path: Path, text: str, encoding: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match="No space left"):
        keep_secret(tmp_path, "s")
    assert list((tmp_path / "solutions").iterdir()) == []
