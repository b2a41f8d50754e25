"""What the user changed stays, what only the course changed is taken from it."""

from __future__ import annotations

import json

import pytest

from labsupport.classroom.merging import merged, same
from tests.classroom.conftest import Cells, cells, notebook

NAME = "greet.ipynb"
HANDED = {"task": "Write.", "answer": "...", "check": "%check greet"}


def together(mine: Cells, new: Cells, handed: Cells = HANDED) -> Cells:
    result = merged(notebook(handed), notebook(mine), notebook(new), NAME)
    assert result is not None
    return cells(result)


@pytest.mark.parametrize(
    ("mine", "new", "expected"),
    [
        pytest.param(
            {"answer": "mine"}, {"task": "Better."}, {"task": "Better.", "answer": "mine"}
        ),
        pytest.param({"answer": "mine"}, {"answer": "pass"}, {"answer": "mine"}),
        pytest.param({"answer": "mine"}, {"hint": "See."}, {"answer": "mine", "hint": "See."}),
    ],
    ids=["each has changed another cell", "both have changed one", "the course has added one"],
)
def test_a_changed_cell_is_the_users_and_the_rest_the_courses(
    mine: Cells, new: Cells, expected: Cells
) -> None:
    assert together(HANDED | mine, HANDED | new) == HANDED | expected


def test_a_cell_that_the_user_added_follows_the_one_before_it() -> None:
    mine = {
        "task": "Write.",
        "try": "1 + 1",
        "again": "2",
        "answer": "...",
        "check": "%check greet",
    }
    new = {
        "title": "greet",
        "task": "Write.",
        "answer": "...",
        "note": "n",
        "check": "%check greet",
    }
    assert list(together(mine, new)) == ["title", "task", "try", "again", "answer", "note", "check"]


def test_a_cell_that_the_user_put_first_stays_first() -> None:
    assert list(together({"mine": "1", **HANDED}, HANDED)) == ["mine", *HANDED]


def test_a_cell_that_the_user_took_out_stays_out() -> None:
    assert "task" not in together(
        {"answer": "mine", "check": "%check greet"}, HANDED | {"task": "B"}
    )


def test_a_cell_that_the_course_took_out_goes_unless_the_user_changed_it() -> None:
    new = {"check": "%check greet"}
    assert together(HANDED | {"answer": "mine"}, new) == {"answer": "mine", **new}


def test_outputs_stay_with_their_cells() -> None:
    handed = notebook(HANDED, task="old", check="old")
    mine = notebook(HANDED | {"answer": "mine"}, task="run by me", check="run by me")
    result = merged(handed, mine, notebook(HANDED | {"task": "Better."}, task="new"), NAME)
    assert result is not None
    printed = [
        each["outputs"][0]["text"] if each["outputs"] else None
        for each in json.loads(result)["cells"]
    ]
    assert printed == ["new", None, "run by me"]


def test_merging_twice_gives_the_same() -> None:
    mine, new = notebook(HANDED | {"answer": "mine"}), notebook(HANDED | {"task": "Better."})
    once = merged(notebook(HANDED), mine, new, NAME)
    assert once is not None
    assert merged(notebook(HANDED), once, new, NAME) == once


@pytest.mark.parametrize(
    "mine",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"nbformat": 4, "cells": 1}',
        b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": ""}]}',
        b'{"nbformat": 4, "cells": [{"id": "a", "source": 1}]}',
        b'{"nbformat": 4, "cells": [{"id": "a", "source": ""}, {"id": "a", "source": ""}]}',
        b'{"nbformat": 3, "cells": []}',
        b"[" * 100_000,
    ],
    ids=["empty", "bytes", "list", "no list", "no id", "no text", "twice", "format 3", "deep"],
)
def test_what_cannot_be_compared_cell_by_cell_is_not_merged(mine: bytes) -> None:
    assert merged(notebook(HANDED), mine, notebook(HANDED | {"task": "B"}), NAME) is None
    assert not same(mine, notebook(HANDED), NAME)


def test_an_id_that_both_gave_to_a_new_cell_is_not_merged() -> None:
    mine, new = HANDED | {"x": "mine"}, HANDED | {"x": "the course's"}
    assert merged(notebook(HANDED), notebook(mine), notebook(new), NAME) is None


def test_a_file_that_is_no_notebook_is_the_same_by_its_bytes_alone() -> None:
    run = notebook(HANDED, check="run")
    assert same(run, notebook(HANDED), NAME)
    assert not same(run, notebook(HANDED), "greet.json")


def test_half_of_a_surrogate_pair_is_no_text_to_write() -> None:
    mine, new = (HANDED | each for each in ({"answer": "'\ud800'"}, {"task": "Better."}))
    assert merged(notebook(HANDED), notebook(mine), notebook(new), NAME) is None
