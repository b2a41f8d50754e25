"""Each student's answers are judged by the constants of that student."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labsupport.checking import InputError
from labsupport.checking.variants import drawn
from labsupport.grading.gradebook import tasks
from labsupport.grading.whose import Whose
from tests.checking.course import Course
from tests.grading.conftest import HandIn
from tests.grading.test_grade import Grade, book, grade

__all__ = ["grade"]

VARIANTS = {"n": (7, 8, 9)}


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """Its answers return the constant n."""
    course = Course(tmp_path / "course")
    course.write(course.source.replace('{"n": 7}', f"{{'n': 7}}, variants={VARIANTS}"))
    course.add("knows", "assert_equal(await answer.call('f'), variant.n, said='n')")
    course.hide("knows it well", "assert_equal(await answer.call('f'), variant.n, said='n')")
    return course


def returning(n: int) -> str:
    return f"def f():\n    return {n}\n"


def students(n: int, number: int = 1) -> list[str]:
    """Some whose constant this is."""
    names = (f"s{each}" for each in range(1000))
    found = (name for name in names if drawn("demo", VARIANTS, "secret", name)["n"] == n)
    return [next(found) for _ in range(number)]


def keep_secret(course: Course, text: str = 'secret = "secret"') -> None:
    (course.root / "solutions" / "variants.toml").write_text(text + "\n")


def test_an_answer_is_judged_by_its_students_constants(
    course: Course, grade: Grade, hand_in: HandIn
) -> None:
    keep_secret(course)
    first, second = students(7, 2)
    (other,) = students(8)
    place = hand_in(**{first: returning(7), second: returning(7), other: returning(7)})
    result = grade(place)
    assert (result.returncode, result.stderr) == (0, "")
    assert "Each student's answers are judged by the constants of that student." in result.stdout
    assert "2 different answers, 0 judged before." in result.stdout
    points = {row["id"]: row["total"] for row in book(course)}
    assert points == {first: "2", second: "2", other: "0"}
    page = (course.root / "graded" / "students" / f"{other}.html").read_text()
    assert "The constants that it was judged by: n 8." in page
    assert "2 different answers, 2 judged before." in grade(place).stdout
    keep_secret(course, 'secret = "another"')
    assert ", 2 judged before." not in grade(place).stdout


def test_one_students_answers_for_gradescope_say_the_constants(
    course: Course, grade: Grade, hand_in: HandIn
) -> None:
    keep_secret(course)
    (student,) = students(9)
    place = hand_in(**{student: returning(9)})
    result = grade(place / student, "--student", student, "--format", "gradescope")
    assert result.returncode == 0, result
    told = json.loads((course.root / "graded" / "results.json").read_text())
    assert [each["score"] for each in told["tests"]] == [1, 1]
    assert told["output"] == "demo: The constants that it was judged by: n 9."


def test_without_a_secret_all_have_the_tasks_own(
    course: Course, grade: Grade, hand_in: HandIn
) -> None:
    (first,), (other,) = students(7), students(8)
    result = grade(hand_in(**{first: returning(7), other: returning(7)}))
    assert "1 different answer, 0 judged before." in result.stdout
    assert "constants" not in result.stdout
    assert [row["total"] for row in book(course)] == ["2", "2"]


def test_a_secret_that_is_lost_stops_the_grading(
    course: Course, grade: Grade, hand_in: HandIn
) -> None:
    keep_secret(course, "# nothing")
    result = grade(hand_in(ann=returning(7)))
    assert result.returncode == 2
    assert "has no secret" in result.stderr


def test_constants_are_of_the_exercise_and_its_steps(course: Course) -> None:
    keep_secret(course)
    course.write(
        course.source + 'step = Exercise("demo.step", title="A step", lesson="00", minutes=1, '
        'kind="core", entry="f")\n'
    )
    whose = Whose(course.root, tasks(course.root, hidden=True))
    own = whose.constants("ann", "demo")
    assert own == drawn("demo", VARIANTS, "secret", "ann") == whose.constants("ann", "demo.step")


def test_an_exercise_without_variants_has_the_tasks_own(tmp_path: Path) -> None:
    course = Course(tmp_path / "other")
    (course.root / "solutions").mkdir()
    keep_secret(course)
    assert Whose(course.root, tasks(course.root, hidden=False)).constants("ann", "demo") is None
    keep_secret(course, "secret = 1")
    with pytest.raises(InputError):
        Whose(course.root, {})
