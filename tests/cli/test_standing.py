"""Where a learner stands, from a history that the test writes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from labsupport.history import History
from labsupport.standing import Part, Standing, read_standing
from tests.cli.small import SmallCourse

ALL = {"of two": True, "of none": True}


@pytest.fixture
def history(small: SmallCourse, monkeypatch: pytest.MonkeyPatch) -> History:
    """The history of the small course."""
    monkeypatch.delenv("LABSUPPORT_STATE", raising=False)
    return History(small.root / ".labsupport")


def part(small: SmallCourse, slug: str) -> Part:
    """A part of an exercise as it stands now."""
    parts = read_standing(small.root).task(slug).parts
    return next(each for each in parts if each.slug == slug)


class TestTheCourse:
    def test_exercises_come_in_the_order_in_which_the_lessons_list_them(
        self, small: SmallCourse, history: History
    ) -> None:
        standing = read_standing(small.root)
        assert [(each.number, each.title) for each in standing.lessons] == [
            ("00", "Begin"),
            ("01", "More of it"),
        ]
        assert [task.slug for task in standing.tasks] == ["first", "second", "bonus"]
        assert [task.kind for task in standing.tasks] == ["core", "core", "stretch"]
        assert [each.slug for each in standing.task("second").parts] == ["second.half", "second"]

    @pytest.mark.parametrize("text", [None, "", "[]", '{"cells": [1]}', '{"cells": [{}]}'])
    def test_without_a_lesson_the_order_is_that_of_the_folders(
        self, small: SmallCourse, history: History, text: str | None
    ) -> None:
        lesson = small.root / "notebooks" / "01_more.ipynb"
        if text is None:
            lesson.unlink()
        else:
            lesson.write_text(text, "utf-8")
        standing = read_standing(small.root)
        assert [task.slug for task in standing.tasks] == ["first", "bonus", "second"]
        assert [(each.number, each.title) for each in standing.lessons][-1] == ("01", "")

    def test_checks_that_cannot_be_loaded_spoil_only_their_exercise(
        self, small: SmallCourse, history: History
    ) -> None:
        (small.folder("second") / "checks.py").write_text("1 / 0", "utf-8")
        standing = read_standing(small.root)
        assert [task.slug for task in standing.tasks] == ["first", "second", "bonus"]
        assert "ZeroDivisionError" in standing.task("second").problem
        assert standing.task("second").parts == (Part("second"),)

    def test_what_follows_begins_behind_an_exercise_and_goes_round(
        self, small: SmallCourse, history: History
    ) -> None:
        def following(standing: Standing, *words: str, **more: object) -> str | None:
            task = standing.following(*words, **more)  # type: ignore[arg-type]
            return task.slug if task else None

        standing = read_standing(small.root)
        assert following(standing) == "first"
        assert following(standing, "first") == "second"
        assert following(standing, "bonus") == "first"
        assert following(standing, "second", kind="core") == "first"
        assert following(standing, "second", besides={"bonus", "first"}) == "second"
        history.judged("first", "aa", ALL)
        assert following(read_standing(small.root)) == "second"
        for slug in ("second", "bonus"):
            history.judged(slug, "aa", ALL)
        assert following(read_standing(small.root)) is None

    def test_the_real_course_is_in_the_order_of_its_readme(self) -> None:
        import re

        root = Path(__file__).parents[2]
        readme = (root / "README.md").read_text("utf-8")
        listed = re.findall(r"\]\(exercises/\w+/(\w+)\.ipynb\)", readme)
        standing = read_standing(root)
        assert [task.slug for task in standing.tasks] == listed
        assert all(lesson.title for lesson in standing.lessons)


class TestAPart:
    def test_nothing_is_known_of_it_before_the_first_try(
        self, small: SmallCourse, history: History
    ) -> None:
        assert part(small, "first") == Part("first", total=3)

    def test_it_has_passed_when_one_answer_passed_all_checks(
        self, small: SmallCourse, history: History
    ) -> None:
        history.judged("first", "aa", {"of two": True, "of none": False})
        history.judged("first", "bb", {"of two": False, "of none": True})
        assert part(small, "first") == Part("first", total=3, points=2, tries=2, hints=2)
        history.judged("first", "bb", {"of two": True})  # checked alone, with --only
        now = part(small, "first")
        assert now.passed
        assert (now.points, now.tries) == (3, 2)

    def test_it_has_passed_since_the_first_answer_that_did(
        self, small: SmallCourse, history: History
    ) -> None:
        for digest in ("aa", "bb"):
            history.judged("first", digest, ALL)
        assert history.path is not None
        database = sqlite3.connect(history.path)
        for digest, check, at in [
            ("aa", "of two", "2026-01-02T10:00:00+00:00"),
            ("aa", "of none", "2026-01-03T10:00:00+00:00"),
            ("bb", "of two", "2026-01-04T10:00:00+00:00"),
            ("bb", "of none", "2026-01-01T10:00:00+00:00"),
        ]:
            database.execute(
                "UPDATE tries SET at = ? WHERE digest = ? AND check_name = ?", (at, digest, check)
            )
        database.commit()
        database.close()
        assert part(small, "first").passed == "2026-01-03T10:00:00+00:00"

    def test_a_worse_answer_afterwards_takes_nothing_away(
        self, small: SmallCourse, history: History
    ) -> None:
        history.judged("first", "aa", ALL)
        history.judged("first", "bb", dict.fromkeys(ALL, False))
        now = part(small, "first")
        assert (now.points, now.tries, now.hints, bool(now.passed)) == (3, 2, 2, True)

    def test_hints_are_counted_up_to_as_many_as_a_check_has(
        self, small: SmallCourse, history: History
    ) -> None:
        for digest in ("aa", "bb", "cc", "dd"):
            history.judged("first", digest, {"of two": False, "of none": True})
        assert (part(small, "first").hints, part(small, "first").tries) == (2, 4)

    def test_only_the_checks_that_there_are_now_count(
        self, small: SmallCourse, history: History
    ) -> None:
        history.judged("first", "aa", ALL)
        checks = small.folder("first") / "checks.py"
        text = checks.read_text("utf-8")
        checks.write_text(text.replace('"of none"', '"of nothing"'), "utf-8")
        now = part(small, "first")
        assert (now.points, now.passed) == (2, "")
        history.judged("first", "aa", {"of nothing": True})
        assert part(small, "first").passed

    def test_a_step_is_counted_apart_and_its_exercise_passes_without_it(
        self, small: SmallCourse, history: History
    ) -> None:
        history.judged("second", "aa", ALL)
        assert part(small, "second.half") == Part("second.half", total=3)
        assert read_standing(small.root).task("second").passed
