"""tells_apart: a catch counts when the right programs are spared beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from labsupport.checking import Result

Judged = Callable[..., Result]

CHECK = """
from labsupport.checking.suspects import tells_apart

def greets(word):
    def greet(listener):
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(word)
    greet.__name__ = word.decode()
    return greet

await tells_apart(answer, greets(b"no"), "says no", greets(b"yes"), greets(b"well"))
"""
JUDGE = """
import socket

def find_fault(host, port):
    with socket.create_connection((host, port), timeout=5) as sock:
        got = sock.recv(10)
    return {}
"""


@pytest.mark.parametrize(
    ("says", "verdict", "said"),
    [
        ('"it says no" if got == b"no" else None', "passed", ""),
        ("None", "failed", "the faulty server has to be found out"),
        ('"faulty"', "failed", "a server that keeps to the protocol has no fault"),
        ('got == b"no"', "failed", "`find_fault` returns None, or a sentence that says what is"),
    ],
    ids=["tells them apart", "finds nothing", "finds always something", "says no sentence"],
)
def test_a_faulty_one_is_to_be_found_and_right_ones_are_to_be_spared(
    judged: Judged, says: str, verdict: str, said: str
) -> None:
    result = judged(CHECK, JUDGE.format(says))
    assert result.verdict == verdict, result
    assert result.said.startswith(said)
