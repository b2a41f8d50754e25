"""Every test can fail: it asserts something, or expects an exception."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.order import LONGEST
from tests.promises import course, python
from tests.promises.python import Source

TESTS = [path for path in python.files("tests") if path.name.startswith("test_")]
# What a test may call in the place of an assert: it raises when what it waits for does not happen.
FAILING = re.compile(r"raises|fail|warns|poll|(assert|wait_until)_\w+")


@pytest.mark.parametrize("path", TESTS, ids=course.short)
def test_every_test_asserts_something(path: Path) -> None:
    assert toothless(python.source(path)) == []


def test_the_files_that_begin_first_exist() -> None:
    assert [path for path in LONGEST if not (course.ROOT / path).is_file()] == []


def toothless(source: Source) -> list[str]:
    """The tests of a file that neither assert nor expect; a helper of the file may do it."""
    tree = source.tree()
    functions = {
        node.name: node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    return [
        f"{source.where}: {name}"
        for name, node in functions.items()
        if name.startswith("test_") and not bites(node, functions, set())
    ]


def bites(
    node: ast.AST,
    functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef],
    seen: set[str],
) -> bool:
    """Whether a function asserts, by itself or through a function of the same file."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Assert):
            return True
    for name, _ in python.calls(node):
        if FAILING.fullmatch(name):
            return True
        if name in functions and name not in seen:
            seen.add(name)
            if bites(functions[name], functions, seen):
                return True
    return False


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("def test_a():\n    assert 1", 0),
        ("def test_a():\n    with pytest.raises(OSError): f()", 0),
        ("def test_a():\n    f()", 1),
        ("def look():\n    assert 1\ndef test_a():\n    look()", 0),
        ("def look():\n    look()\ndef test_a():\n    look()", 1),
        ("async def test_a():\n    await f()", 1),
    ],
)
def test_a_test_that_cannot_fail_is_found(text: str, count: int) -> None:
    assert len(toothless(Source("example", text))) == count
