"""Gives the tests of `judging.py` their cases."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.promises.judging")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise the tests that a file has from `judging.py`, by the file's `EXERCISES`."""
    if metafunc.function.__module__ == "tests.promises.judging":
        from tests.promises import judging

        judging.parametrize(metafunc)
