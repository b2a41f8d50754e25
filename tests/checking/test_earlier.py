"""Answers that import other answers of the learner: finding them, and running with them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from labsupport.checking import Answer, InputError, Report, check
from labsupport.checking.earlier import beside, with_earlier
from tests.checking.conftest import LEVELS
from tests.checking.course import Course

ONE = "def f():\n    return 1\n"
RAISES = "def f():\n    raise ValueError('no')\n"
STUB = "def f():\n    raise NotImplementedError\n"


@pytest.fixture
def course(course: Course) -> Course:
    """With the exercises `checker` and `retry`, which has the step `retry.budget`, all answered."""
    course.save("checker", {"checker": ONE})
    course.save("retry", {"retry.budget": ONE, "retry": ONE})
    return course


def found(course: Course, source: str, slug: str = "demo", folder: Path | None = None) -> Answer:
    answer = Answer.from_cell(source, slug)
    return with_earlier(answer, beside(folder or course.folder, course.root))


def slugs(answer: Answer) -> list[str]:
    return [other.slug for other in answer.others]


def refusal(course: Course, source: str) -> str:
    with pytest.raises(InputError) as refused:
        found(course, source)
    return str(refused.value)


def judged(course: Course, source: str) -> Report:
    """The report on an answer, with those that it imports."""
    return check(found(course, source), course.folder)


class TestFinding:
    @pytest.mark.parametrize(
        ("source", "seen"),
        [
            ("from answers import checker", ["checker"]),
            ("from answers import checker as c, retry", ["checker", "retry"]),
            ("from answers.checker import f", ["checker"]),
            ("from answers.checker import *", ["checker"]),
            ("import answers.checker", ["checker"]),
            ("import json, answers.checker as c", ["checker"]),
            ("import answers.retry.budget", ["retry", "retry.budget"]),
            ("from answers.retry.budget import f", ["retry", "retry.budget"]),
            ("from answers.retry import f, budget", ["retry", "retry.budget"]),
            ("from answers.retry import f", ["retry"]),
            ("def f():\n    if f:\n        from answers import checker", ["checker"]),
        ],
    )
    def test_an_import_of_another_answer_is_seen(
        self, course: Course, source: str, seen: list[str]
    ) -> None:
        assert slugs(found(course, source)) == seen

    @pytest.mark.parametrize(
        "source",
        [
            "import answers",
            "from answers import *",
            "from .answers import checker",
            "from . import answers",
            "from my.answers import checker",
            "import answers_of_mine.checker, checker",
            "# from answers import checker\nx = 'import answers.checker'",
            "from answers import checker\ndef f(:",
            "from answers import checker\nx = '\x00'",
            "from answers import checker\nx = " + "-" * 100_000 + "1",
        ],
        ids=lambda source: ascii(source[:45]),
    )
    def test_anything_else_is_not(self, course: Course, source: str) -> None:
        assert slugs(found(course, source)) == []

    def test_what_an_imported_answer_imports_is_found_too(self, course: Course) -> None:
        course.save("checker", {"checker": "from answers.retry.budget import f\n"})
        course.save("retry", {"retry.budget": ONE, "retry": "from answers import checker\n"})
        answer = found(course, "from answers import checker")
        assert slugs(answer) == ["checker", "retry", "retry.budget"]
        assert [other.others for other in answer.others] == [(), (), ()]

    def test_an_answer_beside_comes_before_the_one_in_the_exercises_own_notebook(
        self, course: Course, tmp_path: Path
    ) -> None:
        course.save("checker", {"checker": "beside = True\n"}, folder=tmp_path)
        checker, retry = found(course, "from answers import checker, retry", folder=tmp_path).others
        assert checker.source == "\nbeside = True\n"
        assert retry.source == "\n" + ONE

    def test_an_answer_that_is_missing_names_who_imports_it(self, course: Course) -> None:
        (course.root / "exercises" / "01_checker" / "checker.ipynb").unlink()
        said = refusal(course, "from answers import checker")
        assert said.startswith("The answer to demo imports the one to checker. There is no file ")

    def test_an_answer_that_is_empty_names_who_imports_it(self, course: Course) -> None:
        course.save("checker", {"checker": "# nothing yet\n"})
        course.save("retry", {"retry": "from answers import checker\n"})
        said = refusal(course, "from answers import retry")
        assert said.startswith(
            "The answer to retry imports the one to checker. The answer cell for checker is empty."
        )

    def test_an_unknown_exercise_suggests_the_nearest(self, course: Course) -> None:
        said = refusal(course, "from answers import chekcer")
        assert said.startswith(
            "The answer to demo imports the one to chekcer. There is no exercise 'chekcer'. Did "
            "you mean 'checker'?"
        )

    def test_an_unknown_step_names_those_that_are_there(self, course: Course) -> None:
        said = refusal(course, "from answers.retry.budgt import f")
        assert said.startswith("The answer to demo imports the one to retry.budgt. ")
        assert "It has answers for: retry, retry.budget." in said


class TestContent:
    def test_the_digest_changes_with_an_imported_answer(self, course: Course) -> None:
        course.save("checker", {"checker": "from answers import retry\n"})

        def digest() -> str:
            return found(course, "from answers import checker").digest

        first = digest()
        assert digest() == first
        course.save("retry", {"retry": "def f():\n    return 2\n"})
        second = digest()
        assert second != first
        course.save("checker", {"checker": ONE})
        assert digest() not in (first, second)

    def test_the_digest_of_an_answer_that_imports_none_is_that_of_its_source(
        self, course: Course
    ) -> None:
        alone = hashlib.sha256(ONE.strip().encode()).hexdigest()
        assert found(course, ONE).digest == alone
        assert Answer.from_cell(ONE, "demo").digest == alone

    def test_a_syntax_error_of_an_imported_answer_is_told_with_its_line(
        self, course: Course
    ) -> None:
        course.save("checker", {"checker": "x = 1\ndef f()\n    return x\n"})
        assert found(course, "from answers import checker").syntax_problem() == (
            "Line 3 of the answer to checker, in checker.ipynb is not valid Python: expected ':'.\n"
            "  3 | def f()\n"
            "    |        ^"
        )

    def test_a_syntax_error_of_its_own_is_told_first(self, course: Course) -> None:
        course.save("checker", {"checker": "def f()\n"})
        answer = Answer("demo", "x = (\n", "mine.py", others=found(course, ONE).others)
        said = answer.syntax_problem()
        assert said is not None
        assert said.startswith("Line 1 of mine.py is not valid Python")


class TestRunning:
    @pytest.mark.parametrize("number", LEVELS)
    def test_an_answer_uses_others_at_each_level(
        self, course: Course, at_level: Callable[[int], None], number: int
    ) -> None:
        at_level(number)
        course.add("adds", "assert_equal(await answer.call('f'), 3, said='three')")
        report = judged(
            course,
            """\
from answers import checker
from answers.retry import budget, f as once

def f():
    import answers.retry
    return checker.f() + answers.retry.f() + budget.f()
""",
        )
        assert report.passed, report

    def test_an_exercise_uses_its_own_step(self, course: Course) -> None:
        course.add("is one", "assert_equal(await answer.call('f'), 1, said='one')")
        course.save("demo", {"demo.step": ONE, "demo": "x = 1\n"}, folder=course.folder)
        report = judged(course, "from answers.demo.step import f\n")
        assert report.passed, report

    def test_all_who_import_an_answer_have_one_module(self, course: Course) -> None:
        course.save("checker", {"checker": "from answers import retry\n"})
        course.add("is the same", "assert await answer.call('f') is True")
        report = judged(
            course, "from answers import checker, retry\ndef f(): return checker.retry is retry\n"
        )
        assert report.passed, report

    def test_an_exception_in_an_imported_answer_is_shown_with_its_place(
        self, course: Course
    ) -> None:
        course.save("checker", {"checker": RAISES})
        course.add("calls", "await answer.call('f')")
        (result,) = judged(
            course, "from answers import checker\n\ndef f():\n    return checker.f()\n"
        ).results
        assert (result.verdict, result.said) == (
            "crashed",
            "your answer raised ValueError in line 4",
        )
        assert result.traceback.splitlines() == [
            "line 4, in f",
            "    return checker.f()",
            "checker, line 3, in f",
            "    raise ValueError('no')",
            "ValueError: no",
        ]

    def test_an_exception_without_a_line_of_the_answers_own_names_none(
        self, course: Course
    ) -> None:
        course.save("checker", {"checker": RAISES})
        course.add("calls", "await answer.call('f')")
        (result,) = judged(course, "from answers.checker import f\n").results
        assert result.said == "your answer raised ValueError"
        assert result.traceback.startswith("checker, line 3, in f\n")

    def test_an_imported_answer_that_cannot_be_run_is_the_problem_of_all_checks(
        self, course: Course
    ) -> None:
        course.save("retry", {"retry.budget": "x = 1\ny = 1 / 0\n", "retry": ONE})
        course.add("first", "pass")
        course.add("second", "pass")
        report = judged(course, "from answers.retry.budget import y\n")
        assert [result.verdict for result in report.results] == ["crashed"] * 2
        assert report.problem_kind == "start"
        assert report.problem.splitlines() == [
            "Running the answer cell raises ZeroDivisionError, so nothing could be checked.",
            "line 1",
            "    from answers.retry.budget import y",
            "retry.budget, line 3",
            "    y = 1 / 0",
            "ZeroDivisionError: division by zero",
        ]

    def test_a_syntax_error_of_an_imported_answer_is_said_and_nothing_is_run(
        self, course: Course
    ) -> None:
        course.save("checker", {"checker": "def f(:\n"})
        course.add("first", "pass")
        report = judged(course, "from answers import checker\n")
        assert report.problem_kind == "syntax"
        assert report.problem.startswith("Line 2 of the answer to checker, in checker.ipynb is not")
        assert report.level == {}

    def test_an_imported_stub_crashes_as_one(self, course: Course) -> None:
        course.save("checker", {"checker": STUB})
        course.add("calls", "await answer.call('f')")
        (result,) = judged(
            course, "from answers import checker\ndef f():\n    return checker.f()\n"
        ).results
        assert result.verdict == "crashed"
        assert result.said == "your answer raised NotImplementedError in line 3"
        assert result.traceback.splitlines()[-1] == "NotImplementedError"

    def test_an_answer_without_others_finds_none(self, course: Course) -> None:
        course.add("first", "pass")
        report = course.judge("from answers import checker\n")
        assert report.problem_kind == "start"
        assert "ImportError: cannot import name 'checker' from 'answers'" in report.problem
        report = course.judge("import answers.checker\n")
        assert "ModuleNotFoundError: No module named 'answers.checker'" in report.problem

    def test_a_fresh_process_has_the_others_too(self, course: Course) -> None:
        course.add(
            "again",
            "await answer.restart(); assert_equal(await answer.call('f'), 1, said='one')",
        )
        assert judged(course, "from answers.checker import f\n").passed
        assert judged(
            course, "def f():\n    from answers import checker\n    return checker.f()"
        ).passed

    def test_an_answer_sees_of_others_only_what_it_imports(self, course: Course) -> None:
        course.add(
            "looks",
            """
            modules, path, seen = await answer.call("f")
            assert_equal(modules, ["answers", "answers.checker"], said="two modules")
            assert_equal(path, [], said="no folder")
            missing = "No module named 'answers."
            assert_equal(seen, [f"{missing}nothing'", f"{missing}retry'"], said="no others")
            """,
        )
        report = judged(
            course,
            """\
import importlib
import sys
import answers
from answers import checker

def f():
    return sorted(name for name in sys.modules if name.startswith("answers")), [
        *answers.__path__, *checker.__path__
    ], [failure(name) for name in ("nothing", "retry")]

def failure(name):
    try:
        importlib.import_module(f"answers.{name}")
    except ModuleNotFoundError as error:
        return str(error)
""",
        )
        assert report.passed, report

    def test_a_task_that_an_imported_answer_leaves_is_told(self, course: Course) -> None:
        left = "import asyncio\nasync def f():\n    f.task = asyncio.create_task(waits())\n"
        waits = "    await asyncio.sleep(0)\nasync def waits():\n    await asyncio.Event().wait()\n"
        course.save("checker", {"checker": left + waits})
        course.add(
            "tells",
            """
            await answer.call("f")
            assert_that("the task in `waits` was not done" in answer.output, said="it is told")
            """,
        )
        assert judged(course, "from answers.checker import f\n").passed
