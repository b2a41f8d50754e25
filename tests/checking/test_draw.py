"""Random data from a seed."""

from __future__ import annotations

from typing import Any

import pytest

from labsupport.checking.draw import Draw, seed_for
from labsupport.checking.reducing import smaller


def drawn(seed: int) -> list[object]:
    draw = Draw(seed)
    return [
        draw.bytes(20), draw.text(20), draw.word(), draw.integer(1, 100), draw.choice("abc"),
        draw.sizes(100, 9),
    ]  # fmt: skip


def test_one_seed_gives_the_same_data_again() -> None:
    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_the_data_of_a_seed_never_changes() -> None:
    draw = Draw(1)
    assert draw.bytes(4) == bytes.fromhex("f5b16522")
    assert (draw.integer(1, 1000), draw.word()) == (583, "kano")


def test_a_text_has_characters_of_one_to_four_bytes() -> None:
    for seed in range(50):
        text = Draw(seed).text(8)
        assert len(text) == 8
        assert {len(sign.encode()) for sign in text} == {1, 2, 3, 4}
        assert text == text.strip()
        assert len(text.splitlines()) == 1


def test_sizes_add_up() -> None:
    for seed in range(50):
        sizes = Draw(seed).sizes(1000, 64)
        assert sum(sizes) == 1000
        assert min(sizes) >= 1
        assert max(sizes) <= 64
    assert Draw(1).sizes(0, 5) == []
    with pytest.raises(ValueError, match="largest"):
        Draw(1).sizes(5, 0)


def test_a_check_has_a_seed_of_its_own_that_stays() -> None:
    assert seed_for("greet", "ends the line once") == 858780
    assert seed_for("greet", "returns bytes") != seed_for("greet", "greets by name")


def test_other_sizes_can_take_the_place_of_drawn_ones_and_nothing_else_changes() -> None:
    plain, other = Draw(7), Draw(7, instead=((30,), (1, 2)))
    first, second = plain.sizes(30, 4), plain.sizes(20, 4)
    assert (other.sizes(30, 4), other.sizes(20, 4)) == ([30], second)
    assert other.schedules == ((30,), tuple(second))
    assert plain.schedules == (tuple(first), tuple(second))
    assert plain.bytes(9) == other.bytes(9)


def test_the_proposals_are_smaller_and_of_the_same_total() -> None:
    proposals = list(smaller(((2, 3, 4), (5,))))
    assert proposals == [
        ((9,), (5,)),
        ((2, 7), (5,)),
        ((5, 4), (5,)),
    ]
    assert list(smaller(((5,), (7,)))) == []
    assert all(sum(first) == 10 for (first,) in smaller(((1,) * 10,)))


SINGLE_READ = """
header = b""
def f(pieces):
    # Right for whatever is not cut after the first byte.
    if len(pieces[0]) == 1 and len(pieces) > 1: raise ValueError("split")
"""


def test_a_failure_is_shown_with_the_simplest_schedule_and_the_same_one_again(course: Any) -> None:
    course.add(
        "works",
        """
        data, pieces = draw.bytes(20), []
        for size in draw.sizes(20, 3):
            pieces.append(data[:size])
            data = data[size:]
        try:
            await answer.call("f", pieces)
        except AnswerRaised:
            fail("it fails", got=[len(piece) for piece in pieces])
        """,
    )
    course.write(
        course.source.replace(
            "import asyncio\n", "import asyncio\nfrom labsupport.checking import AnswerRaised\n"
        )
    )
    seed = next(seed for seed in range(99) if Draw(seed).sizes(20, 3)[0] == 1)
    (first,) = course.judge(SINGLE_READ, seed=seed).results
    assert first.got == "[1, 19]"
    assert first.notes == ("It fails with these sizes of pieces, the fewest found: 1, 19.",)
    assert course.judge(SINGLE_READ, seed=seed).results == (first,)
    (always,) = course.judge("def f(pieces): raise ValueError", seed=seed).results
    assert always.got == "[20]"
