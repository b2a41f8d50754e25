"""Whose answer to which exercise a file is, in the layouts that schools have, and rosters."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest

from labsupport.checking import InputError
from labsupport.grading.files import File, Refused
from labsupport.grading.handed import Handed, Stamp, Student, handed_in, read_roster

KNOWN = ("framing.header", "framing", "lines")
WHEN = datetime(2026, 10, 1, tzinfo=UTC)


def notebook(*slugs: str) -> bytes:
    cells = [{"cell_type": "code", "source": f"%%answer {slug}\nx = 1"} for slug in slugs]
    return json.dumps({"cells": cells}).encode()


def told(path: str, data: bytes = b"x = 1") -> list[Handed | Stamp | Refused]:
    return list(handed_in([File(PurePosixPath(path), data, WHEN)], KNOWN))


def whose(path: str, data: bytes = b"x = 1") -> list[tuple[str, str]]:
    found = told(path, data)
    assert all(isinstance(each, Handed) for each in found), found
    return [(each.student, each.slug) for each in found if isinstance(each, Handed)]


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("ann/framing.py", "ann"),
        ("ann/week 2/framing.py", "ann"),
        ("ann.zip/framing.py", "ann"),
        ("ann.tar.gz/ann/framing.py", "ann"),
        ("ann/work.zip/framing.py", "ann"),
        ("submitted/ann/a1/framing.py", "ann"),
        ("ann/submitted/77/a1/framing.py", "ann"),
        ("ann/x_77_assignsubmission_file/framing.py", "ann"),
        ("ann/x_77_123_framing.py/framing.py", "ann"),
        ("submitted/ann/x_77_assignsubmission_file/framing.py", "ann"),
        ("leeann_4711_123_work.zip/submitted/77/a1/framing.py", "4711"),
        ("leeann_4711_123_WORK.ZIP/framing.py", "4711"),
        ("Ann Lee_4711_assignsubmission_file_/framing.py", "4711"),
        ("Ann_Lee_4711_assignsubmission_file/framing.py", "4711"),
        ("leeann_4711_123_framing.py", "4711"),
        ("leeann_LATE_4711_123_framing.py", "4711"),
        ("leeann_4711_123_framing-1.py", "4711"),
        ("leeann_4711_123_work.zip/framing.py", "4711"),
        ("Ünal/framing.py", "Ünal"),
    ],
)
def test_the_path_says_whose_it_is(path: str, student: str) -> None:
    assert whose(path) == [(student, "framing")]


def test_a_notebook_says_itself_what_it_answers() -> None:
    data = notebook("framing.header", "framing", "unknown")
    assert whose("ann/my work (2).ipynb", data) == [("ann", "framing.header"), ("ann", "framing")]


def test_what_lies_beside_the_students_is_refused() -> None:
    assert told("framing.py") == [Refused("framing.py", "lies in no student's folder")]


@pytest.mark.parametrize(
    ("path", "data", "why"),
    [
        ("ann/helper.py", b"", "answers nothing of this course"),
        ("ann/a.ipynb", notebook("unknown"), "answers nothing of this course"),
        ("ann/a.ipynb", b"<<<<<<<", "is not a notebook: it is not JSON"),
        ("ann/a.ipynb", b"\xff", "is not UTF-8 text"),
    ],
)
def test_what_answers_nothing_is_refused_by_name(path: str, data: bytes, why: str) -> None:
    (refused,) = told(path, data)
    assert isinstance(refused, Refused)
    assert refused.path == path
    assert refused.why.startswith(why)


@pytest.mark.parametrize("data", [b"", b"# nothing", b"\xff"])
def test_an_answer_that_cannot_be_read_is_the_students_all_the_same(data: bytes) -> None:
    (handed,) = told("ann/framing.py", data)
    assert isinstance(handed, Handed)
    assert (handed.student, handed.slug, handed.answer) == ("ann", "framing", None)
    assert handed.problem.endswith((".", "check again."))


def test_a_notebook_with_two_cells_for_an_answer_has_none() -> None:
    (handed,) = told("ann/a.ipynb", notebook("framing", "framing"))
    assert isinstance(handed, Handed)
    assert "2 answer cells" in handed.problem


def test_a_notebook_with_half_a_character_costs_nobody_else() -> None:
    data = json.dumps(
        {"cells": [{"cell_type": "code", "source": "%%answer framing\nx = '\ud800'"}]}
    )
    (handed,) = told("ann/a.ipynb", data.encode())
    assert isinstance(handed, Handed)
    assert "half of a character" in handed.problem


@pytest.mark.parametrize(
    ("text", "when"),
    [
        (b"2026-10-01 12:00:00 UTC\n", datetime(2026, 10, 1, 12, tzinfo=UTC)),
        (b"2026-10-01 12:00:00.123456 UTC", datetime(2026, 10, 1, 12, 0, 0, 123456, UTC)),
        (b"2026-10-01T14:00:00+02:00", datetime(2026, 10, 1, 12, tzinfo=UTC)),
    ],
)
def test_a_time_stamp_holds_for_its_folder(text: bytes, when: datetime) -> None:
    assert told("submitted/ann/a1/timestamp.txt", text) == [Stamp("submitted/ann/a1", when)]


@pytest.mark.parametrize(
    "path",
    [
        "ann/timestamp.txt",
        "ann/a1/timestamp.txt",
        "submitted/ann/a1/mine/timestamp.txt",
        "submitted/ann/timestamp.txt",
        "ann.zip/submitted/ann/a1/timestamp.txt",
    ],
)
def test_a_time_stamp_that_a_student_can_write_does_not_count(path: str) -> None:
    assert told(path, b"1999-10-01 12:00:00 UTC") == []


def test_a_time_stamp_that_is_none_is_refused() -> None:
    (refused,) = told("submitted/ann/a1/timestamp.txt", b"yesterday \xff")
    assert isinstance(refused, Refused)
    assert "is no time stamp" in refused.why


class TestRoster:
    def test_columns_are_found_by_their_names(self, tmp_path: Path) -> None:
        path = tmp_path / "roster.csv"
        path.write_text('\ufeffName,email,ID\n"Lee, Ann",a@x, ann \nBob,,bob\n', encoding="utf-8")
        assert read_roster(path) == [Student("ann", "Lee, Ann"), Student("bob", "Bob")]

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "has no column `id`"),
            ("name,email\nAnn,x\n", "it has: name, email"),
            ("id,name\nann,Ann\n\nann,Bob\n", "has 'ann' twice; the second is line 4"),
            ("id,name\n,Ann\n", "line 2: there is no id"),
            ('id,name\nann,"Ann\nbob,Bob\n', "is no CSV: unexpected end of data"),
            (f"id,name\nann,{'x' * 200_000}\n", "is no CSV: field larger than"),
            ("id,name,ID\nann,Ann,bob\n", "has the column id twice"),
        ],
    )
    def test_what_is_wrong_is_told(self, text: str, said: str, tmp_path: Path) -> None:
        path = tmp_path / "roster.csv"
        path.write_text(text)
        with pytest.raises(InputError, match=r"roster\.csv") as refused:
            read_roster(path)
        assert said in str(refused.value)

    def test_a_file_that_cannot_be_read_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="cannot be read"):
            read_roster(tmp_path / "none.csv")
        (tmp_path / "latin.csv").write_bytes("id,name\na,Ünal\n".encode("latin-1"))
        with pytest.raises(InputError, match="is not UTF-8"):
            read_roster(tmp_path / "latin.csv")
