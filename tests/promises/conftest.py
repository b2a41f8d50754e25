"""Gives the tests of `judging.py` their cases, and an option."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.promises.judging")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Whether a wrong answer is judged by every check, which takes twice as long in all."""
    parser.addoption("--every-check", action="store_true", help="see tests/promises/answers.py")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise the tests that a file has from `judging.py`, by the file's `EXERCISES`."""
    if metafunc.function.__module__ == "tests.promises.judging":
        from tests.promises import judging

        judging.parametrize(metafunc)
