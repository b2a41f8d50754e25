"""Gives the tests of `judging.py` their cases, and some options."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.promises.judging")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Whether a wrong answer is judged by every check, which takes twice as long in all; what the
    checks' data is drawn from, since a class is judged with other data than a learner; and whether
    solutions are judged with each value of each constant that differs between students."""
    parser.addoption("--every-check", action="store_true", help="see tests/promises/answers.py")
    parser.addoption("--drawn-from", type=int, metavar="SEED", help="see tests/promises/answers.py")
    parser.addoption("--every-variant", action="store_true", help="see test_variants.py")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise the tests that a file has from `judging.py`, by the file's `EXERCISES`."""
    if metafunc.function.__module__ == "tests.promises.judging":
        from tests.promises import judging

        judging.parametrize(metafunc)
