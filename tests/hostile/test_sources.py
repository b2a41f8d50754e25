"""Sources and notebooks that are hard to read: each is refused or judged, and neither crashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labsupport.checking import Answer, InputError
from labsupport.checking.answer import MOST
from labsupport.checking.showing import clean
from tests.hostile.arena import Arena
from tests.hostile.attack import Attack


def many(unit: str) -> str:
    """As many of them as an answer has room for."""
    return unit * ((MOST - 100) // len(unit))


SOURCES = {
    "a NUL": "x = 1\0",
    "half of a surrogate pair": "x = '\ud800'",
    "half of a surrogate pair as a name": "\udcff = 1",
    "one line": "x = '" + many("a") + "'",
    "an error in a long line": "def f(): return 1 / 0 #" + many("a"),
    "a syntax error in a long line": "x = '" + many("\u202e") + "' 1",
    "only carriage returns": many("x = 1\r"),
    "odd line ends": "x = 1\x0b\x0c\x1c\x1d\x85\u2028)",
    "a syntax error that moves the cursor": "x = \x1b[2J\u202e<script> 1",
    "a coding that there is not": "# coding: rot13\nqrs s(): cnff",
    "parentheses": many("("),
    "lists": "[" * 90 + "]" * 90,
    "minus signs": "x = " + many("-") + "1",
    "nots": "x = " + many("not ") + "1",
    "attributes": "x = f" + many(".a"),
    "calls": "x = f" + many("()"),
    "subscripts": "x = f" + many("[0]"),
    "sums": "x = 1" + many("+1"),
    "powers": "x = 1" + many("**1"),
    "choices": "x = " + many("1 if 1 else ") + "1",
    "lambdas": "x = " + many("lambda:") + "1",
    "branches": "if 0: pass\n" + many("elif 0: pass\n"),
    "indentation": "".join(" " * n + "if 1:\n" for n in range(99)) + " " * 99 + "pass",
    "strings": "x = " + many("'a' "),
    "f-strings": "x = " + "f'{" * 500 + "1" + "}'" * 500,
    "decorators": many("@f\n") + "def f(): pass",
    "assignments": many("x = ") + "1",
    "functions": many("def f(): return 1\n"),
    "a number with very many digits": "x = " + many("9"),
    "a hexadecimal number with very many digits": "x = 0x" + many("f"),
    "a constant that is computed for ever": "x = ((7 ** 99) ** 99) ** 99",
    "a constant that is too large": "x = 'a' * 2 ** 62",
    "constants that multiply": "x = (((1,) * 250,) * 250,) * 250",
    "a breakpoint": "breakpoint()",
    "an exit": "exit()",
    "a future that there is not": "from __future__ import braces",
    "a star import of all": "from os import *\nfrom sys import *\n_exit(0)",
    "another main": "import __main__, sys\nsys.modules['__main__'] = sys.modules['answer'] = None",
}

ATTACKS = [
    Attack(name, source, bare=True, once=True, deadline=3.0) for name, source in SOURCES.items()
]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_no_source_crashes_what_reads_it(attack: Attack, arena: Arena) -> None:
    assert arena.faults(attack) == []


def cell(**fields: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": "%%answer demo\nx = 1", **fields}


NOTEBOOKS = {
    "nothing": b"",
    "no JSON": b"\0" * 999,
    "no UTF-8": b'{"cells": "\xff"}',
    "deep": b"[" * 10**5,
    "deep objects": b'{"a":' * 10**5,
    "a number": b"1" * 10**5,
    "a list": b"[]",
    "cells that are none": b'{"cells": [1, null, [], "a", {}]}',
    "cells that are no list": b'{"cells": {"0": 1}}',
    "a source that is none": json.dumps({"cells": [cell(source=7)]}).encode(),
    "a source of anything": json.dumps({"cells": [cell(source=[1, None, "x", ["y"]])]}).encode(),
    "a slug that moves the cursor": json.dumps(
        {"cells": [cell(source="%%answer \x1b[2J\u202e\nx = 1")]}
    ).encode(),
    "the same answer a thousand times": json.dumps({"cells": [cell()] * 1000}).encode(),
    "an answer that is too long": json.dumps(
        {"cells": [cell(source="%%answer demo\n" + "x = 1\n" * 300_000)]}
    ).encode(),
    "cells that are not Python": json.dumps(
        {"cells": [cell(source="x" + "[0]" * 10**5 + "\0\ud800"), cell(source="(" * 10**5)]}
    ).encode(),
}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_that_cannot_be_read_is_refused_in_a_few_clean_words(
    name: str, tmp_path: Path
) -> None:
    path = tmp_path / "answer.ipynb"
    path.write_bytes(NOTEBOOKS[name])
    with pytest.raises(InputError) as refused:
        Answer.from_path(path, "demo")
    said = str(refused.value)
    assert len(said) < 1000
    assert clean(said) == said


def test_other_cells_that_cannot_be_read_leave_the_answer_alone(tmp_path: Path) -> None:
    path = tmp_path / "answer.ipynb"
    others = [cell(source=source) for source in SOURCES.values()]
    path.write_text(json.dumps({"cells": [*others, cell()]}))
    assert Answer.from_path(path, "demo").source == "\nx = 1"
