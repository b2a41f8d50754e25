"""Gantt charts from noted spans, and curves from measured points."""

from __future__ import annotations

import pytest

from labsupport import pictures

SPANS = [
    ("worker 1", "serves", 10.0, 10.1),
    ("Ada", "waits", 10.02, 10.2),
    ("worker 1", "serves", 10.15, 10.2),
    ("worker 2", "waits", 10.0, 10.05),
    ("worker 2", "serves", 10.05, 10.3),
]


def test_a_row_tells_what_it_did_in_its_order_without_times() -> None:
    picture = pictures.gantt(SPANS, finding="Two workers, one victim.")
    assert picture.alt == (
        "Gantt chart with 3 rows. worker 1: serves (2 times). Ada: waits. worker 2: waits, then "
        "serves."
    )
    assert list(picture.data) == ["worker 1", "Ada", "worker 2"]


def test_spans_are_milliseconds_since_the_first_began() -> None:
    told = pictures.gantt(SPANS, finding="Two.").data["worker 1"]
    assert [what for what, _, _ in told] == ["serves", "serves"]
    assert [each for _, *moments in told for each in moments] == pytest.approx([0, 100, 150, 200])


def test_kinds_look_alike_in_several_pictures() -> None:
    kinds = ("sleeps", "waits", "serves")

    def faces(spans: list[tuple[str, str, float, float]]) -> list[tuple[float, ...]]:
        axes = pictures.gantt(spans, finding="Looks.", kinds=kinds).figure.axes[0]
        return [patch.get_facecolor() for patch in axes.patches]

    row, sign = faces([("Ada", "waits", 0.0, 1.0)])
    assert row == sign
    other = faces([("worker 1", "serves", 0.0, 1.0), ("Ada", "waits", 0.0, 1.0)])
    assert other == [other[0], row, row, other[0]]
    assert other[0] != row


def test_what_is_too_short_for_a_box_is_a_stroke_in_its_colour() -> None:
    kinds = ("waits", "serves")
    spans = [("Ada", "waits", 0.0, 1.0), ("Ada", "serves", 1.0, 1.0001)]
    axes = pictures.gantt(spans, finding="Soon.", kinds=kinds).figure.axes[0]
    box, stroke = axes.patches[:2]
    assert 0 < stroke.get_width() < box.get_width() / 100
    assert stroke.get_edgecolor() == stroke.get_facecolor() != box.get_facecolor()


@pytest.mark.parametrize(("seconds", "unit", "last"), [(8.0, "ms", "8000"), (80.0, "s", "80")])
def test_the_axis_is_in_seconds_when_there_are_more_than_ten(
    seconds: float, unit: str, last: str
) -> None:
    axes = pictures.gantt([("Ada", "waits", 0.0, seconds)], finding="Long.").figure.axes[0]
    *numbers, named = [text.get_text() for text in axes.texts if text.get_text() != "waits"]
    assert (numbers[-1], named) == (last, unit)


def test_a_busy_row_is_told_in_short() -> None:
    spans = [("a", "xy"[number % 2], number, number + 1.0) for number in range(20)]
    assert pictures.gantt(spans, finding="Many.").alt.endswith("x, then and 13 more.")


def test_spans_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing was noted"):
        pictures.gantt([], finding="None.")
    with pytest.raises(ValueError, match=r"Ada: waits ends 0\.5 s before it begins"):
        pictures.gantt([("Ada", "waits", 1.5, 1.0)], finding="Backwards.")
    with pytest.raises(ValueError, match="room for 24 rows; 25 were given"):
        pictures.gantt([(str(n), "x", 0.0, 1.0) for n in range(25)], finding="Many.")
    with pytest.raises(ValueError, match="room for 6 kinds of doing; 7 were given"):
        pictures.gantt([("a", str(n), 0.0, 1.0) for n in range(7)], finding="Many.")


def test_the_lag_of_a_loop_is_drawn_above_the_rows_and_told_beside_whom_it_was_longest() -> None:
    lag = [(9.9, 0.01), (10.05, 0.0), (10.16, 0.1), (10.28, 0.001), (11.0, 0.2)]
    plain = pictures.gantt(SPANS, finding="Two.")
    picture = pictures.gantt(SPANS, finding="Two.", lag=lag[:-1])
    assert picture.alt == (
        f"{plain.alt} Above the rows the loop's lag, longest beside worker 2: serves."
    )
    samples = [each for sample in picture.data["loop lag"] for each in sample]
    assert samples == pytest.approx([50, 0, 160, 100, 280, 1])  # those of the picture, in ms
    assert picture.figure.get_figheight() > plain.figure.get_figheight() + 0.8
    assert "100 ms" in {text.get_text() for text in picture.figure.axes[0].texts}
    late = pictures.gantt(SPANS, finding="Two.", lag=lag).data["loop lag"]
    assert late == picture.data["loop lag"]
    assert "loop lag" not in plain.data


def test_curves_that_rise_fall_and_stay_are_told_apart() -> None:
    picture = pictures.curves(
        {
            "one at a time": [(0, 3.0), (8, 800.0), (4, 400.0)],
            "a thread each": [(0, 3.0), (8, 100.0)],
            "other": [(0, 500.0), (8, 1.0)],
        },
        across="silent clients",
        upwards="wait in ms",
        finding="Three.",
    )
    assert picture.alt == (
        "3 curves: wait in ms against silent clients. one at a time: rises. a thread each: stays "
        "level. other: falls."
    )
    assert picture.data["one at a time"] == [(0, 3.0), (4, 400.0), (8, 800.0)]


def test_curves_that_cannot_be_drawn_are_refused() -> None:
    def draw(measured: dict[str, list[tuple[float, float]]]) -> None:
        pictures.curves(measured, across="x", upwards="y", finding="None.")

    with pytest.raises(ValueError, match="1 to 4 curves; 0 were given"):
        draw({})
    with pytest.raises(ValueError, match="1 to 4 curves; 5 were given"):
        draw({name: [(0, 0)] for name in "abcde"})
    with pytest.raises(ValueError, match="a: nothing was measured"):
        draw({"a": []})
    with pytest.raises(ValueError, match="a: a number is below 0"):
        draw({"a": [(0, -1)]})
