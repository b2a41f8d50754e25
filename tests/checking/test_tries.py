"""How many hints were earned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labsupport.checking.tries import remember


@pytest.fixture(autouse=True)
def no_other_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABSUPPORT_STATE", raising=False)


def answers(course: Any, *values: int) -> list[dict[str, int]]:
    return [remember(course.judge(f"def f(): return {value}"), course.root) for value in values]


def test_each_different_answer_that_fails_counts_once(course: Any) -> None:
    course.add("is three", "assert_equal(await answer.call('f'), 3, said='three')")
    course.add("is large", "assert_that(await answer.call('f') > 1, said='large')")
    counted = answers(course, 1, 1, 2, 3, 2, 4)
    assert [each.get("is three") for each in counted] == [1, 1, 2, None, 2, 3]
    assert [each.get("is large") for each in counted] == [1, 1, None, None, None, None]
    assert (course.root / ".labsupport" / "history.sqlite").is_file()


def test_an_answer_that_could_not_be_run_counts_for_no_check(course: Any) -> None:
    course.add("fails", "fail('x')")
    assert remember(course.judge("def f(:"), course.root) == {}
    assert remember(course.judge("1 / 0"), course.root) == {}
    assert remember(course.judge("x = 1"), course.root) == {"fails": 1}


def test_a_broken_check_counts_for_nobody(course: Any) -> None:
    course.add("breaks", "1 / 0")
    assert remember(course.judge("x = 1"), course.root) == {}


def test_another_folder_for_the_state_can_be_named(
    course: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABSUPPORT_STATE", str(tmp_path / "state"))
    course.add("fails", "fail('x')")
    assert remember(course.judge("x = 1"), course.root) == {"fails": 1}
    assert (tmp_path / "state" / "history.sqlite").is_file()
    assert not (course.root / ".labsupport").exists()
