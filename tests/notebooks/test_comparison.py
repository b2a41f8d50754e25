"""Our comparison of outputs decides as nbval's does, for each kind of output."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell, coalesce_streams, nocolors

from tests.notebooks.comparison import compared, is_compared, read_patterns, sanitized, shape
from tests.notebooks.examples import cell, stream
from tests.notebooks.files import node


def shown(**data: str) -> dict[str, Any]:
    """A displayed output; `_` in a keyword stands for the slash of its MIME type."""
    kinds = {kind.replace("_", "/"): value for kind, value in data.items()}
    return {"output_type": "display_data", "data": kinds, "metadata": {}}


def error(said: str, traceback: str = "line 1") -> dict[str, Any]:
    return {"output_type": "error", "ename": "OSError", "evalue": said, "traceback": [traceback]}


OUTPUTS: list[list[dict[str, Any]]] = [
    [],
    [stream("a\n")],
    [stream("a"), stream("\n")],
    [stream("a\n", "stderr")],
    [stream("b\n")],
    [stream("at 127.0.0.1:40000\n")],
    [stream("at 127.0.0.1:50000\n")],
    [shown(text_plain="x", image_png="AAAA")],
    [shown(text_plain="x", image_png="BBBB")],
    [shown(text_plain="x")],
    [shown(text_html="<p>x</p>", text_plain="x")],
    [shown(text_plain="x"), shown(text_plain="y")],
    [shown(text_plain="y"), shown(text_plain="x")],
    [shown(text_plain="x"), stream("a\n")],
    [stream("a\n"), shown(text_plain="x")],
    [{**shown(text_plain="x"), "output_type": "execute_result", "execution_count": 3}],
    [error("refused")],
    [error("refused", "another line")],
    [error("timed out")],
]


def nbval_says(left: list[NotebookNode], right: list[NotebookNode]) -> bool:
    """What nbval's own cell decides about two lists of outputs."""
    patterns = dict(read_patterns())
    skipped = ("metadata", "traceback", "prompt_number", "output_type", "name", "execution_count")
    widget = "application/vnd.jupyter.widget-view+json"
    parent = SimpleNamespace(
        sanitize_patterns=patterns, skip_compare=(*skipped, widget, "image/png", "image/jpeg")
    )
    fake: Any = SimpleNamespace(parent=parent, colors=nocolors, comparison_traceback=[])
    fake.sanitize = lambda text: IPyNbCell.sanitize(fake, text)
    fake.format_output_compare = lambda *_: None
    return bool(IPyNbCell.compare_outputs(fake, coalesce_streams(left), coalesce_streams(right)))


@pytest.mark.parametrize(("one", "other"), list(product(range(len(OUTPUTS)), repeat=2)))
def test_two_runs_are_the_same_when_nbval_says_so(one: int, other: int) -> None:
    patterns = read_patterns()
    left, right = ([node(output) for output in OUTPUTS[index]] for index in (one, other))
    ours = compared(left, patterns) == compared(right, patterns)
    assert ours == nbval_says(left, right)


def test_comparing_leaves_the_outputs_as_they_are() -> None:
    outputs = [node(stream("a")), node(stream("b"))]
    compared(outputs, [])
    assert [output.text for output in outputs] == ["a", "b"]


def test_a_sanitising_file_is_read_in_order() -> None:
    patterns = read_patterns()
    assert patterns
    assert sanitized("('127.0.0.1', 34567)", patterns) == "('127.0.0.1', PORT)"
    assert sanitized("http://localhost:34567/x", patterns) == "http://localhost:PORT/x"
    assert sanitized(3, patterns) == 3


def test_tags_and_comments_take_a_cell_out_of_the_comparison() -> None:
    assert is_compared(node(cell("1", tags=("raises-exception",))))
    assert not is_compared(node(cell("1", tags=("nbval-ignore-output",))))
    assert not is_compared(node(cell("1", tags=("nbval-skip",))))
    assert not is_compared(node(cell("# NBVAL_IGNORE_OUTPUT\n1")))


def test_the_shape_of_outputs_names_what_there_is() -> None:
    outputs = [node(stream("a")), node(shown(text_plain="x", image_png="AA")), node(stream("b"))]
    assert shape(outputs) == [
        ("stream", "stdout"),
        ("display_data", "", "image/png", "text/plain"),
    ]
