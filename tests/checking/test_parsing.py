"""Reading Python as a tree: what cannot be read, and threads that read at the same time."""

from __future__ import annotations

import ast
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest

from labsupport.checking.parsing import parsed


def test_a_tree_is_that_of_the_source() -> None:
    tree = parsed("x = 1")
    assert tree is not None
    assert ast.unparse(tree) == "x = 1"


@pytest.mark.parametrize("source", ["x =", "x\0", "x = '\udc00'", "(" * 9999, "-" * 99_999 + "1"])
def test_what_python_cannot_read_has_no_tree(source: str) -> None:
    assert parsed(source) is None


def test_what_python_warns_of_is_not_said() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert parsed("'\\d' is 1") is not None


def test_one_thread_reads_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    parse, inside, seen = ast.parse, [], []

    def parse_slowly(source: str) -> ast.Module:
        inside.append(source)
        time.sleep(0)  # lets another thread run
        seen.append(len(inside))
        inside.remove(source)
        return parse(source)

    with monkeypatch.context() as patch, ThreadPoolExecutor(8) as pool:
        patch.setattr(ast, "parse", parse_slowly)
        trees = list(pool.map(parsed, [f"x = {n}" for n in range(400)]))
    assert set(seen) == {1}
    assert [ast.unparse(tree) for tree in trees if tree] == [f"x = {n}" for n in range(400)]
