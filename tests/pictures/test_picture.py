"""What all pictures have in common: words, paper, files, and nothing that sticks out."""

from __future__ import annotations

import io
import itertools
from base64 import b64decode
from collections.abc import Callable
from functools import cache
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image

from labsupport import pictures
from labsupport.pictures import Picture, style
from labsupport.trace import Trace

LONG = "A finding that is much longer than one line of the title has room for, with $dollars$ " * 3


def exchange(many: int, *, link: bool = False) -> Trace:
    """A made-up trace: requests of growing size, answered by every third read."""
    trace = Trace()
    offset = 0
    for number in range(many):
        data = b"$x^2_%d\xff\n" % number * (number % 7 + 1)
        for where, kind in (("client", "sent"), ("link", "received"), ("link", "sent")):
            if where == "client" or link:
                trace.add(where, kind, direction="to_server", data=data, offset=offset)
        if link and number % 4 == 0:
            note = "cut=5; the receiver left a piece unread for 2 s, so the next one left anyway"
            trace.add("link", "fault", direction="to_server", note=note)
        trace.add("server", "received", direction="to_server", data=data, offset=offset)
        offset += len(data)
    trace.add("server", "timeout", note="recv waited 0.25 s")
    trace.add("server", "reset", direction="to_server", note="ConnectionResetError in recv_into")
    return trace


def endless(trace: Trace) -> Trace:
    """Marks that a StateRecorder could have made."""
    for number in range(12):
        for where, state in (("client", "ESTABLISHED"), ("server", "SYN_RECEIVED")):
            said = f"{state if number % 2 else 'CLOSE_WAIT'} after server: call({number}) and more"
            trace.add(where, "state", note=said)
    return trace


SENT = [0.01 * number for number in range(100)]
ARRIVED = {
    "UDP": [(number, 0.01 * number + 0.02) for number in [*range(90), 3, *range(91, 100)]],
    "TCP": [(number, 0.2 + 0.1 * (number // 10)) for number in range(100)],
}
FEW = {"UDP $over$ the cable": [(0, 100.0)]}
CLIENTS = [("127.0.0.1", 32768 + number) for number in range(300)]
LONG_HOST = "2001:db8:1234:5678:9abc:def0:1234:5678"
LONG_ENDS = [(LONG_HOST, port) for _, port in CLIENTS[:20]]
SPANS = [
    (f"worker {row}", f"${what}_x$ and more", row + 3.0 * turn, row + 3.0 * turn + 1.5)
    for row in range(9)
    for turn, what in enumerate("serving")
    if what in "serv"
]
WAITS = {f"a server of kind {kind}": [(n, kind * n * 100.0) for n in range(9)] for kind in range(4)}
ALL: dict[str, Callable[[], Picture]] = {
    "ladder": lambda: pictures.ladder(exchange(9), finding="Short."),
    "ladder of 50": lambda: pictures.ladder(exchange(40), finding=LONG, join=False),
    "ladder with link": lambda: pictures.ladder(exchange(9, link=True), finding=LONG, join=False),
    "byte axis": lambda: pictures.byte_axis(exchange(3), finding="Short."),
    "byte axis of many": lambda: pictures.byte_axis(exchange(900, link=True), finding=LONG),
    "hub of one": lambda: pictures.hub(("127.0.0.1", 80), CLIENTS[:1], finding="Short."),
    "hub of 50": lambda: pictures.hub(("127.0.0.1", 8080), CLIENTS[:50], finding=LONG),
    "hub of 300": lambda: pictures.hub(("127.0.0.1", 8080), CLIENTS, finding="Short."),
    "hub of IPv6": lambda: pictures.hub((LONG_HOST, 443), LONG_ENDS, finding="Short."),
    "arrivals": lambda: pictures.arrivals(SENT, ARRIVED, finding="Short."),
    "arrivals of one": lambda: pictures.arrivals([100.0], FEW, finding=LONG, caption="More."),
    "arrivals of three": lambda: pictures.arrivals(SENT, {**ARRIVED, "none": []}, finding="Short."),
    "delays": lambda: pictures.delays(SENT, ARRIVED, finding=LONG, late=0.1, caption="More."),
    "delays with a late end": lambda: pictures.delays(SENT, ARRIVED, finding="Short.", late=9.0),
    "states": lambda: pictures.states(endless(Trace()), finding=LONG),
    "gantt": lambda: pictures.gantt(SPANS, finding=LONG),
    "curves": lambda: pictures.curves(WAITS, across="$n$", upwards="wait in ms", finding=LONG),
}


@cache
def drawn(name: str) -> tuple[Picture, bytes]:
    picture = ALL[name]()
    return picture, picture.png()


@pytest.fixture(params=ALL)
def picture(request: pytest.FixtureRequest) -> Picture:
    return drawn(request.param)[0]


@pytest.fixture
def file(picture: Picture, request: pytest.FixtureRequest) -> bytes:
    return drawn(request.node.callspec.params["picture"])[1]


def written(figure: Figure) -> list[tuple[str, Bbox]]:
    """Each visible text with the box that it takes, in pixels."""
    renderer = figure.canvas.get_renderer()
    return [
        (text.get_text(), text.get_window_extent(renderer))
        for text in figure.findobj(Text)
        if text.get_text().strip() and text.get_visible()
    ]


def test_no_word_leaves_the_paper(picture: Picture) -> None:
    width, height = picture.figure.get_size_inches() * picture.figure.dpi
    for text, box in written(picture.figure):
        inside = box.x0 >= -1 and box.x1 <= width + 1 and box.y0 >= -1 and box.y1 <= height + 1
        assert inside, f"{text!r} leaves the paper: {box}"


def test_no_two_labels_of_a_ladder_or_a_timeline_collide() -> None:
    for name in ("ladder", "ladder of 50", "ladder with link", "states"):
        figure = drawn(name)[0].figure
        renderer = figure.canvas.get_renderer()
        boxes = [each.get_window_extent(renderer) for each in figure.findobj(AnnotationBbox)]
        inside = {
            text.get_text() for box in figure.findobj(AnnotationBbox) for text in box.findobj(Text)
        }
        boxes += [box for text, box in written(figure) if text not in inside]
        for one, other in itertools.combinations(boxes, 2):
            shared = Bbox.intersection(one, other)
            assert shared is None or min(shared.width, shared.height) < 3, name


def test_the_file_is_small_and_no_wider_than_a_cell(file: bytes) -> None:
    assert len(file) < 150_000
    image = Image.open(io.BytesIO(file))
    assert image.width == style.WIDTH * style.DPI == 960


def test_the_file_holds_the_finding_and_the_words(tmp_path: Path) -> None:
    picture = ALL["byte axis"]()
    image = Image.open(picture.save(tmp_path / "picture.png"))
    image.load()
    assert image.info["Description"] == picture.alt
    assert image.info["Title"] == picture.finding


def test_the_same_picture_is_the_same_file() -> None:
    one, other = (pictures.byte_axis(exchange(3), finding="Short.").png() for _ in range(2))
    assert one == other


def test_only_a_png_can_be_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"saved as \.png; the name given is 'picture\.svg'"):
        drawn("states")[0].save(tmp_path / "picture.svg")


def test_pyplot_is_not_touched() -> None:
    assert "pyplot" not in mpl.__dict__ or not mpl.pyplot.get_fignums()  # type: ignore[attr-defined]


def test_a_notebook_gets_the_picture_its_words_and_a_place_to_read_them() -> None:
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    InteractiveShell.instance()
    with capture_output() as shown:
        pictures.byte_axis(exchange(2), finding="<i>.", alt="<b>words</b>")._ipython_display_()
    InteractiveShell.clear_instance()
    image, words = shown.outputs
    assert b64decode(image.data["image/png"]).startswith(b"\x89PNG")
    assert image.data["text/plain"] == "<b>words</b>"
    assert image.metadata == {"image/png": {"alt": "<b>words</b>"}}
    assert set(words.data) == {"text/html"}
    assert "<summary>What the picture shows</summary>" in words.data["text/html"]
    assert "&lt;b&gt;words&lt;/b&gt;" in words.data["text/html"]


@pytest.mark.parametrize("finding", ["", " \n "])
def test_a_picture_without_a_finding_is_refused(finding: str) -> None:
    for draw in (
        lambda: pictures.ladder(exchange(2), finding=finding),
        lambda: pictures.byte_axis(exchange(2), finding=finding),
        lambda: pictures.hub(("127.0.0.1", 1), [("127.0.0.1", 2)], finding=finding),
        lambda: pictures.states(endless(Trace()), finding=finding),
        lambda: pictures.arrivals(SENT, ARRIVED, finding=finding),
        lambda: pictures.delays(SENT, ARRIVED, finding=finding),
    ):
        with pytest.raises(ValueError, match="a picture needs its finding"):
            draw()


def test_a_picture_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="needs alternative text"):
        Picture(Figure(), "A finding.", " ", {})


def test_colours_stay_apart_in_grey_where_they_stand_beside_each_other() -> None:
    def grey(colour: str) -> float:
        red, green, blue = mpl.colors.to_rgb(colour)
        return 0.299 * red + 0.587 * green + 0.114 * blue

    assert grey(style.tint(style.SKY)) < grey("white") - 0.15
    assert grey(style.tint(style.ORANGE)) < grey("white") - 0.15
    assert grey(style.LIGHT) < grey("white") - 0.08


class TestWords:
    @pytest.mark.parametrize(
        ("number", "said"),
        [(0, "0 B"), (1, "1 B"), (1023, "1023 B"), (65536, "64 KiB"), (1536 * 1024, "1.5 MiB")],
    )
    def test_bytes_are_said_in_the_largest_unit(self, number: int, said: str) -> None:
        assert style.bytes_said(number) == said

    @pytest.mark.parametrize(
        ("numbers", "said"),
        [
            ([5], "once: 5 bytes"),
            ([1] * 10, "10 times: 1 byte each"),
            ([5, 6, 7], "3 times: 5, 6 and 7 bytes"),
            (list(range(1, 11)), "10 times: 1 to 10 bytes each, 55 in all"),
        ],
    )
    def test_sizes_are_said_in_words(self, numbers: list[int], said: str) -> None:
        assert style.sizes(numbers) == said

    @pytest.mark.parametrize("data", [b"", b"a", b"hello\n" * 9, bytes(range(256)), b"'\"" * 20])
    @pytest.mark.parametrize("room", [3, 8, 20, 100])
    def test_bytes_are_cut_to_the_room(self, data: bytes, room: int) -> None:
        shown = style.short_bytes(data, room)
        assert len(shown) <= room
        if shown and not shown.endswith("…"):
            assert shown == repr(data)[1:]

    @pytest.mark.parametrize(
        ("span", "step"), [(0.5, 1), (6, 1), (7, 2), (24, 5), (640_000, 200_000)]
    )
    def test_ticks_are_round(self, span: float, step: float) -> None:
        assert style.step_of(span, 6) == step

    def test_text_is_cut_to_its_inches(self) -> None:
        assert style.fitted("short", 9, 2.0) == "short"
        cut = style.fitted("a text that is too long for the room that it has", 9, 1.0)
        assert cut.endswith("…")
        assert style.width(cut, 9) <= 1.0

    @pytest.mark.parametrize("finding", ["Who waits? " * 7, "WWW WWWW WWWWW " * 5])
    def test_a_title_stays_on_the_paper(self, finding: str) -> None:
        title = style.paper(1.0, finding.strip())[0].texts[0]
        box = title.get_window_extent()
        assert box.x1 < style.WIDTH * style.DPI
        assert title.get_text().replace("\n", " ") == finding.strip()
