"""How much came when, from noted moments."""

from __future__ import annotations

import pytest

from labsupport import pictures

SPIKES = [0.0, 0.01, 0.02, 1.0, 1.05, 5.0]
SPREAD = [number / 10 + 0.05 for number in range(19)]


def test_what_came_is_counted_in_slots_and_the_total_is_told() -> None:
    moments = {"fixed": SPIKES, "drawn": SPREAD}
    picture = pictures.rates(moments, slot=0.1, until=2, finding="Spikes and a spread.")
    assert picture.alt == (
        "2 panels of bars: requests in each 100 ms. fixed: 6 requests, in few of the slots. "
        "drawn: 19 requests, in most of the slots."
    )
    assert dict(picture.data["fixed"]) == {0: 3, 10: 2}
    assert sum(picture.data["drawn"].values()) == 19


def test_a_panel_for_each_name_stands_over_one_axis_of_seconds() -> None:
    moments = {"fixed": SPIKES, "nothing": []}
    picture = pictures.rates(moments, slot=0.5, until=2, finding="One.", what="tries", alt="Bars.")
    texts = [text.get_text() for text in picture.figure.axes[0].texts]
    assert "fixed: 6 tries" in texts
    assert texts.count("seconds") == 1
    assert picture.alt == "Bars."


def test_rates_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match="room for 1 to 4 panels; 0 were given"):
        pictures.rates({}, slot=1, until=2, finding="None.")
    with pytest.raises(ValueError, match="nothing came before 2 s"):
        pictures.rates({"a": [3.0]}, slot=1, until=2, finding="None.")
    with pytest.raises(ValueError, match="a moment is below 0"):
        pictures.rates({"a": [-1.0]}, slot=1, until=2, finding="None.")
    with pytest.raises(ValueError, match="slot=3 s has to be above 0, and until=2 s"):
        pictures.rates({"a": [1.0]}, slot=3, until=2, finding="None.")
