"""tells_apart: a catch counts when the right programs are spared beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from labsupport.checking import Result
from labsupport.checking.engine import shut_down

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
import select
import socket

def find_fault(host, port):
    with socket.create_connection((host, port), timeout=5) as sock:
        got = sock.recv(10)
    return {}
"""

OWN = "vague"  # the check's own hints, and with them its belief
ACCUSED = "A right server was accused."
RAISED = "A reply that does not come raises."
CRASH = "An exception that leaves `find_fault` is a crash of yours."


@pytest.mark.parametrize(
    ("says", "verdict", "said", "hints"),
    [
        ('"it says no" if got == b"no" else None', "passed", "", OWN),
        ("None", "failed", "the faulty server has to be found out", OWN),
        ('"faulty"', "failed", "a server that keeps to the protocol has no fault", ACCUSED),
        ('got == b"no"', "failed", "`find_fault` returns None, or a sentence that says what", ""),
        ("got.slip", "crashed", "your answer raised", CRASH),
        ("socket.socket().getpeername()", "crashed", "your answer raised OSError", RAISED),
    ],
    ids=["tells apart", "finds nothing", "accuses all", "says no sentence", "slips", "raises"],
)
def test_a_faulty_one_is_to_be_found_and_right_ones_are_to_be_spared(
    judged: Judged, says: str, verdict: str, said: str, hints: str
) -> None:
    result = judged(CHECK, JUDGE.format(says))
    assert result.verdict == verdict, result
    assert result.said.startswith(said)
    assert " ".join(result.hints).startswith(hints)
    assert bool(result.misconception) == (hints == OWN)


BUSY = """
import sys; judge = sys.modules["__main__"]
judge.Strain.too_much = lambda self, patience: True
"""
WAITED = "select.select([], [], [], 0.4)[0] or "  # in vain, for more than SHORTEST


@pytest.mark.parametrize(
    ("says", "verdict"),
    [
        (WAITED + "None", "inconclusive"),
        (WAITED + '"faulty"', "inconclusive"),
        ("None", "failed"),
        ('"faulty"', "failed"),
    ],
    ids=["misses after a wait", "accuses after a wait", "misses at once", "accuses at once"],
)
def test_only_who_waited_may_have_been_misled_by_a_busy_machine(
    judged: Judged, says: str, verdict: str
) -> None:
    try:
        result = judged(BUSY + CHECK, JUDGE.format(says))
    finally:
        shut_down()  # the judge that the check has changed
    assert result.verdict == verdict, result
