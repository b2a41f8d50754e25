"""Random data from a seed."""

from __future__ import annotations

import pytest

from labsupport.checking.draw import Draw, seed_for


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
