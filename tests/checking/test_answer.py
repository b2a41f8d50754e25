"""Finding an answer in a notebook, a cell or a file, and saying what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labsupport.checking import Answer, InputError, answer
from labsupport.checking.answer import MOST, defined_names, slugs_in

CODE = "def greet(name):\n    return name\n"


def notebook(path: Path, *sources: str | list[str]) -> Path:
    cells: list[dict[str, Any]] = [{"cell_type": "markdown", "source": "%%answer greet"}]
    cells += [{"cell_type": "code", "source": source} for source in sources]
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "nbformat_minor": 5}))
    return path


def refusal(path: Path, slug: str = "greet") -> str:
    with pytest.raises(InputError) as refused:
        Answer.from_path(path, slug)
    return str(refused.value)


def test_the_answer_is_the_cell_that_begins_with_its_slug(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "n.ipynb", "x = 1", f"%%answer greet.step\n{CODE}", f"%%answer greet\n{CODE}"
    )
    answer = Answer.from_path(path, "greet")
    assert answer.source == "\n" + CODE
    assert answer.line(2) == "def greet(name):"
    assert answer.elsewhere == {"x", "greet"}


def test_a_cell_may_be_stored_as_a_list_of_lines(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", ["\n", "%%answer  greet \n", "x = 1"])
    assert Answer.from_path(path, "greet").source == "\n\nx = 1"


def test_cell_notebook_and_file_with_the_same_code_have_one_digest(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_bytes(b"\xef\xbb\xbf" + CODE.replace("\n", "\r\n").encode() + b"\n\n")
    cell = f"%%answer greet\n{CODE}"
    digests = {
        Answer.from_cell(cell, "greet").digest,
        Answer.from_path(notebook(tmp_path / "n.ipynb", cell), "greet").digest,
        Answer.from_path(file, "greet").digest,
    }
    assert len(digests) == 1
    assert Answer.from_cell(cell + "x = 1", "greet").digest not in digests


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert "There is no file" in refusal(tmp_path / "none.ipynb")
    assert "There is no file" in refusal(tmp_path / "none.py")
    (tmp_path / "folder.py").mkdir()
    assert "cannot be read" in refusal(tmp_path / "folder.py")


def test_a_file_of_another_kind_is_said(tmp_path: Path) -> None:
    assert "neither a notebook (.ipynb) nor a Python file" in refusal(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"cells": [}', "is not a notebook: it is not JSON (line 1)"),
        (b"<<<<<<< HEAD\n{}", "is not JSON (line 1)"),
        (b"", "is not JSON (line 1)"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "not a notebook: it has no list of cells"),
        (b'{"cells": 5}', "it has no list of cells"),
        (b'{"cells": [1, {"cell_type": "code"}, {"cell_type": "code", "source": 5}]}', "no answer"),
        (b"\xff\xfe", "is not UTF-8 text: byte 0 is 0xff"),
    ],
)
def test_what_is_no_notebook_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(content)
    assert said in refusal(path)


def test_a_notebook_without_the_answer_cell_says_which_it_has(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", "%%answer other\nx = 1", "# %%answer greet\n")
    said = refusal(path)
    assert "has no answer cell for greet. It has answers for: other." in said
    assert "whose first line is `%%answer greet`" in said


def test_two_answer_cells_for_one_slug_are_refused_with_their_numbers(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", "%%answer greet\nx = 1", "y", "%%answer greet\nx = 2")
    assert "has 2 answer cells for greet: cells 2 and 4" in refusal(path)


@pytest.mark.parametrize("body", ["", "\n\n", "# write it here\n   # and here", "   "])
def test_an_empty_answer_is_refused(tmp_path: Path, body: str) -> None:
    path = notebook(tmp_path / "n.ipynb", f"%%answer greet\n{body}")
    assert refusal(path).startswith("The answer cell for greet is empty. Write the answer there")
    (tmp_path / "a.py").write_text(body)
    assert "a.py for greet is empty" in refusal(tmp_path / "a.py")


def test_an_enormous_answer_is_refused() -> None:
    with pytest.raises(InputError, match="at most"):
        Answer.from_cell("x = 1\n" + "#" * MOST, "greet")


def problem(body: str) -> str:
    said = Answer.from_cell(f"%%answer greet\n{body}", "greet").syntax_problem()
    assert said is not None
    return said


def test_a_syntax_error_shows_the_line_as_the_learner_counts_it() -> None:
    assert problem("x = 1\ndef greet(name)\n    return name\n") == (
        "Line 3 of the answer cell is not valid Python: expected ':'.\n"
        "  3 | def greet(name)\n"
        "    |                ^"
    )


def test_the_line_of_a_file_is_counted_from_its_first(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("def f(:\n")
    said = Answer.from_path(path, "greet").syntax_problem()
    assert said is not None
    assert said.startswith("Line 1 of mine.py is not valid Python")


@pytest.mark.parametrize(
    "line", ["%timeit greet('x')", "!ls -l", "%matplotlib inline", "    %time x", "greet?", "??x?"]
)
def test_a_command_of_the_notebook_is_explained(line: str) -> None:
    said = problem(f"def f():\n    pass\n{line}\n")
    assert "Line 4" in said
    assert "is a command of the notebook, not Python" in said


def test_an_await_outside_of_a_function_is_explained() -> None:
    assert "Put the await into an async def." in problem("import asyncio\nawait asyncio.sleep(0)\n")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("x = 1\x00", "not valid Python"),
        ("x = '\ud800'", "not valid Python"),
        ("(" * 5000 + ")" * 5000, "the answer cell"),
        ("x = " + "-" * 100_000 + "1", "nested too deeply"),
        ("x = '" + "a" * 5000, "Line 2"),
        ("\tx = (", "Line 2"),
    ],
    ids=["NUL", "surrogate", "parentheses", "minus signs", "long line", "tab"],
)
def test_hostile_sources_are_a_message(body: str, said: str) -> None:
    text = problem(body)
    assert said.lower() in text.lower()
    assert max(map(len, text.splitlines())) < 200


def test_a_warning_of_the_compiler_is_no_problem(recwarn: pytest.WarningsRecorder) -> None:
    assert Answer.from_cell("%%answer greet\nx = '\\d'\n", "greet").syntax_problem() is None
    assert not recwarn.list


def test_names_of_other_cells_are_found() -> None:
    sources = [
        "import socket, os.path as p\nfrom json import loads as parse",
        "%matplotlib inline\n!ls\nx, (y, *z) = 1, (2, 3)\nfor i in range(3):\n    j = i",
        "def f(a):\n    b = 1\nclass C:\n    d = 1\nwith open('x') as file: pass",
        "this is not Python",
    ]
    assert defined_names(sources) == set(
        "socket p parse x y z i j f C file".split()  # noqa: SIM905 (shorter to read)
    )


def test_names_are_sought_in_so_much_as_a_person_writes() -> None:
    assert defined_names(["a = 1", "b = '" + "x" * MOST + "'", "c = 1"]) == {"a"}


def test_a_notebook_of_many_answers_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [f"%%answer s{number}\nx{number} = 1" for number in range(30)]
    sources = [{"cell_type": "code", "source": source} for source in cells]
    data = json.dumps({"cells": sources}).encode()
    counted = {"read": 0, "parsed": 0}

    def counting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counts(*given: Any) -> Any:
            counted[name] += 1
            return call(*given)

        return counts

    monkeypatch.setattr(answer, "parsed", counting("parsed", answer.parsed))
    monkeypatch.setattr(json, "loads", counting("read", json.loads))
    found = [Answer.from_bytes(data, "a.ipynb", slug) for slug in slugs_in(data, "a.ipynb")]
    assert found[3].elsewhere == {f"x{number}" for number in range(30) if number != 3}
    assert counted == {"read": 1, "parsed": 30}
