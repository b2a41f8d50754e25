"""Python read as a syntax tree, by one thread at a time.

The count by which CPython 3.11 and 3.12 notice trees that are too deep belongs to the interpreter:
two threads in `ast.parse` at once can make it raise SystemError
(https://github.com/python/cpython/issues/106905). The filters of warnings belong to it too.
"""

from __future__ import annotations

import ast
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["parsed", "reading"]

_ONE = threading.Lock()


@contextmanager
def reading() -> Iterator[None]:
    """While Python is read: nobody else reads, and what Python warns of is not said."""
    with _ONE, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def parsed(source: str) -> ast.Module | None:
    """The syntax tree of a source; None where Python cannot read it."""
    try:
        with reading():
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
