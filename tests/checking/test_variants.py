"""Constants that differ between students: drawn, told, and judged by."""

from __future__ import annotations

import textwrap
from collections import Counter
from html import escape
from pathlib import Path

import pytest

from labsupport.checking import Answer, EngineError, InputError, Report, check
from labsupport.checking.exercise import Exercise, choose_exercise, load_exercises
from labsupport.checking.feedback import as_html, as_text
from labsupport.checking.hidden import add_hidden
from labsupport.checking.variants import drawn, read_secret, retold, written
from tests.checking.course import Course

VARIANTS = {"letter": tuple("QXYZ"), "limit": (10, 20, 30)}
HEAD = """\
from labsupport.checking import *

exercise = Exercise(
    "demo", title="A demonstration", lesson="00", minutes=1, kind="core", entry="f",
    variant={"letter": "Q", "limit": 10, "room": 5},
    variants={"letter": tuple("QXYZ"), "limit": (10, 20, 30)},
    phrases=lambda variant: [f"`{variant.letter}`", f"{variant.limit} bytes"],
)
step = Exercise("demo.step", title="A step", lesson="00", minutes=1, kind="core", entry="f")


def constants():
    return exercise.variant.letter, exercise.variant.limit


@step.check("knows", points=1, hints=["10 bytes or 100 bytes?", "`Q` comes first."])
async def _(answer, draw, variant):
    assert_equal(await answer.call("f"), (variant.letter, variant.limit), said="they are shared")
"""


@pytest.fixture
def varied(tmp_path: Path) -> Course:
    """A course whose exercise has variants, and a step."""
    course = Course(tmp_path / "course")
    course.write(HEAD)
    course.add("knows", "assert_equal(await answer.call('f'), constants(), said='constants')")
    return course


def judge(course: Course, letter: str, limit: int, slug: str = "demo", **given: object) -> Report:
    """The report on an answer that returns these constants."""
    answer = Answer(slug, f"def f():\n    return {letter!r}, {limit}\n")
    return check(answer, course.folder, **given)  # type: ignore[arg-type]


class TestDrawn:
    def test_the_same_for_the_same_and_different_for_others(self) -> None:
        mine = drawn("demo", VARIANTS, "secret", "ann")
        assert mine == drawn("demo", VARIANTS, "secret", "ann")
        assert list(mine) == list(VARIANTS)
        many = {name: range(1000) for name in "abc"}
        first = drawn("demo", many, "secret", "ann")
        for slug, secret, student in (
            ("more", "secret", "ann"),
            ("demo", "other", "ann"),
            ("demo", "secret", "bob"),
        ):
            assert drawn(slug, many, secret, student) != first

    def test_each_value_is_drawn_about_as_often(self) -> None:
        students = [f"student {number}" for number in range(1200)]
        for name, values in VARIANTS.items():
            found = Counter(drawn("demo", VARIANTS, "secret", each)[name] for each in students)
            assert set(found) == set(values)
            assert max(found.values()) < 1.3 * min(found.values())

    def test_the_constants_are_drawn_independently(self) -> None:
        pairs = {tuple(drawn("demo", VARIANTS, "s", str(n)).values()) for n in range(300)}
        assert len(pairs) == 12

    def test_a_student_keeps_the_constants_for_ever(self) -> None:
        """What a class was given does not change with the course's code: openssl says the same.

        printf 'demo\\0n\\0Zoë' | openssl dgst -sha256 -hmac secret
        """
        assert drawn("demo", {"n": range(1000)}, "secret", "Zoë") == {"n": 532}
        assert 0xCC8092F526360674 % 1000 == 532


class TestRetold:
    def test_phrases_change_places_at_once(self) -> None:
        assert retold('"big", then "little"', ['"big"', '"little"'], ['"little"', '"big"']) == (
            '"little", then "big"'
        )

    def test_the_longest_phrase_that_fits_is_taken(self) -> None:
        pairs = (["a", "a b"], ["x", "y"])
        assert retold("a b, a", *pairs) == "y, x"
        assert retold("a b, a", *(each[::-1] for each in pairs)) == "y, x"

    @pytest.mark.parametrize("text", ["10240", "_1024", "1024_", "x1024"])
    def test_a_part_of_a_word_is_no_phrase(self, text: str) -> None:
        assert retold(text, ["1024"], ["512"]) == text

    @pytest.mark.parametrize("text", ["1024", "(1024)", "=1024,", "-1024"])
    def test_a_whole_word_is(self, text: str) -> None:
        assert retold(text, ["1024"], ["512"]) == text.replace("1024", "512")

    def test_signs_of_patterns_are_letters_as_others(self) -> None:
        assert retold("a.b a+b", ["a.b"], [r"\1"]) == r"\1 a+b"

    def test_a_phrase_with_two_meanings_is_an_error(self) -> None:
        with pytest.raises(ValueError, match="two ways"):
            retold("a", ["a", "a"], ["b", "c"])
        assert retold("a", ["a", "a"], ["b", "b"]) == "b"

    def test_without_phrases_the_text_stays(self) -> None:
        assert retold("a", [], []) == "a"


class TestJudged:
    def test_by_the_tasks_own_constants_unless_told(self, varied: Course) -> None:
        assert judge(varied, "Q", 10).passed
        assert judge(varied, "Q", 10).variant == {}

    @pytest.mark.parametrize("slug", ["demo", "demo.step"])
    def test_by_those_of_this_copy(self, varied: Course, slug: str) -> None:
        (varied.folder / "variant.toml").write_text(written({"letter": "X", "limit": 20}))
        assert judge(varied, "X", 20, slug).passed
        assert judge(varied, "X", 20, slug).variant == {"letter": "X", "limit": 20}
        assert not judge(varied, "Q", 10, slug).passed

    def test_by_those_that_are_given(self, varied: Course) -> None:
        (varied.folder / "variant.toml").write_text(written({"letter": "X", "limit": 20}))
        assert judge(varied, "Y", 30, variant={"letter": "Y", "limit": 30}).passed
        assert judge(varied, "Q", 30, variant={"limit": 30}).variant == {"letter": "Q", "limit": 30}
        assert judge(varied, "Q", 10, variant={}).passed

    def test_the_next_job_of_the_same_judge_has_constants_of_its_own(self, varied: Course) -> None:
        for letter in "QXQYXQ":
            variant = None if letter == "Q" else {"letter": letter}
            assert judge(varied, letter, 10, variant=variant).passed
            assert not judge(varied, "Z", 10, variant=variant).passed

    def test_its_hints_speak_of_them(self, varied: Course) -> None:
        report = judge(varied, "Q", 10, "demo.step", variant={"letter": "X", "limit": 20})
        assert report.results[0].hints == ("20 bytes or 100 bytes?", "`X` comes first.")
        assert judge(varied, "Z", 0, "demo.step").results[0].hints[0] == "10 bytes or 100 bytes?"

    def test_an_exercise_takes_one_set_of_constants_after_the_other(self, varied: Course) -> None:
        exercises = load_exercises(varied.folder)
        step = exercises["demo.step"]
        for letter in "XYQ":
            exercises["demo"].vary({"letter": letter}, [step])
            assert step.checks[0].hints[1] == f"`{letter}` comes first."
            assert step.variant.letter == letter

    def test_a_report_says_them(self, varied: Course) -> None:
        report = judge(varied, "X", 10, variant={"letter": "X"})
        said = "The constants that it was judged by: letter 'X', limit 10."
        assert said in as_text(report)
        assert escape(said) in as_html(report)
        assert Report.from_dict(report.to_dict()) == report
        assert "The constants" not in as_text(judge(varied, "Q", 10))

    def test_hidden_checks_speak_of_them_too(self, varied: Course) -> None:
        varied.hide("sees", "assert variant.letter == 'X'", said="It takes 10 bytes.")
        exercise = choose_exercise(varied.folder, "demo", {"letter": "X", "limit": 20})
        add_hidden(exercise, varied.folder)
        assert exercise.checks[-1].said == "It takes 20 bytes."
        assert judge(varied, "X", 10, variant={"letter": "X"}, hidden=True).passed


class TestNotToBeUsed:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('letter = "A"', r"letter may not be 'A'; it may be 'Q', 'X', 'Y', 'Z'\."),
            ("limit = 11", "limit may not be 11; it may be 10, 20, 30"),
            ("limit = 10.0", r"limit may not be 10\.0"),
            ("limit = true", "limit may not be True"),
            ("room = 5", "there is no constant 'room'; there are: letter, limit"),
            ("letter = ", "cannot be read"),
        ],
    )
    def test_the_file_of_a_copy(self, text: str, said: str, varied: Course) -> None:
        (varied.folder / "variant.toml").write_text(text)
        with pytest.raises(EngineError, match=r"variant\.toml.*" + said):
            load_exercises(varied.folder)
        with pytest.raises(EngineError, match=r"variant\.toml.*" + said):
            judge(varied, "Q", 10)

    def test_constants_that_are_given(self, varied: Course) -> None:
        with pytest.raises(EngineError, match="00_demo: limit may not be 11"):
            judge(varied, "Q", 10, variant={"limit": 11})

    def test_constants_of_an_exercise_without_variants(self, tmp_path: Path) -> None:
        course = Course(tmp_path / "course")
        with pytest.raises(EngineError, match="the same for everybody"):
            load_exercises(course.folder, {"n": 7})
        (course.folder / "variant.toml").write_text("n = 7\n")
        with pytest.raises(EngineError, match="the same for everybody"):
            load_exercises(course.folder)

    def test_values_without_the_tasks_own(self) -> None:
        with pytest.raises(ValueError, match="the values of n lack the task's own"):
            Exercise(
                "demo", title="", lesson="00", minutes=1, kind="core", entry="f",
                variant={"n": 1}, variants={"n": (2, 3)},
            )  # fmt: skip

    @pytest.mark.parametrize("text", ["", "secret = 7", 'secret = ""', "secret = "])
    def test_the_file_of_a_secret(self, text: str, tmp_path: Path) -> None:
        assert read_secret(tmp_path) is None
        (tmp_path / "solutions").mkdir()
        (tmp_path / "solutions" / "variants.toml").write_text(textwrap.dedent(text))
        with pytest.raises(InputError, match=r"variants\.toml (has no secret|cannot be read)"):
            read_secret(tmp_path)
