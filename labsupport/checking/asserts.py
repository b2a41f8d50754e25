"""What a check says when the answer is wrong.

A check fails by raising `Mismatch`. The functions here raise it with the four parts that feedback
shows: `said`, the behaviour in a sentence; `did`, what the peer did to bring it about; `expected`;
and `got`. Values are turned into text here, in the checks' process, bounded and with a caret at
the first difference.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from labsupport.checking.raised import AnswerRaised
from labsupport.checking.report import Verdict
from labsupport.checking.showing import compare, same, show

if TYPE_CHECKING:
    from labsupport.trace import Trace

__all__ = [
    "Exchange",
    "Mismatch",
    "apart",
    "assert_bytes",
    "assert_equal",
    "assert_that",
    "fail",
    "having",
    "patience",
    "touched",
]


class Exchange(Protocol):
    """Something that can draw what it carried."""

    @property
    def trace(self) -> Trace: ...

    def ladder(self) -> str: ...


touched: ContextVar[Exchange | None] = ContextVar("touched", default=None)
"""What the running task used last, a connection or a port: its ladder explains a failure."""

patience: ContextVar[float] = ContextVar("patience", default=1.0)
"""How many times its length a wait may take: more than 1 after the machine was too busy."""


class Mismatch(Exception):
    """The answer did something else than the task asks for.

    said: the behaviour in a sentence. did: what the peer did. expected, got: as text.
    comparison: several aligned lines; they replace expected and got.
    notes: further sentences, such as what the answer raised meanwhile.
    conn: the connection or port where it was seen; by default what this task used last.
    verdict: what it amounts to: "failed", or "leaked" when something was left open.
    waited: whether it is that something did not come in time.
    places: where the answer was then, as its process says (RemoteAnswer.where).
    hints: they replace the belief and hints of the check, where these are beside the fault (apart).
    """

    def __init__(
        self,
        said: str,
        did: str = "",
        expected: str = "",
        got: str = "",
        *,
        comparison: str = "",
        conn: Exchange | None = None,
        verdict: Verdict = "failed",
        waited: bool = False,
    ) -> None:
        super().__init__(said)
        self.said = said
        self.did = did
        self.expected = expected
        self.got = got
        self.comparison = comparison
        self.notes: list[str] = []
        self.places: list[dict[str, Any]] = []
        self.conn = conn or touched.get()
        self.verdict: Verdict = verdict
        self.waited = waited
        self.hints: tuple[str, ...] | None = None


def fail(said: str, did: str = "", expected: Any = "", got: Any = "") -> NoReturn:
    """Fail the check. expected and got may be sentences (shown as they are) or other values."""
    raise Mismatch(said, did, _words(expected), _words(got))


def assert_that(
    condition: object, said: str, expected: Any = "", got: Any = "", did: str = ""
) -> None:
    """Fail the check unless the condition is truthy."""
    if not condition:
        fail(said, did, expected, got)


def assert_equal(got: Any, wanted: Any, said: str, did: str = "") -> None:
    """Fail the check unless both are equal, types included: True is not 1, a list not a tuple."""
    if not same(got, wanted):
        raise Mismatch(said, did, show(wanted), show(got), comparison=compare(wanted, got))


def assert_bytes(got: Any, wanted: bytes, said: str, did: str = "") -> None:
    """Fail the check unless `got` is exactly these bytes; the feedback has a caret."""
    assert_equal(got, bytes(wanted), said, did)


@contextlib.contextmanager
def having(did: str) -> Iterator[None]:
    """Say that the check did this in whatever the block finds wrong, unless it says more itself."""
    try:
        yield
    except Mismatch as mismatch:
        mismatch.did = mismatch.did or did
        raise


@contextlib.contextmanager
def apart(*hints: str) -> Iterator[None]:
    """What the block finds wrong, or what the answer raises in it, is not the check's subject:
    feedback shows these hints, or none, in the place of the check's belief and hints."""
    try:
        yield
    except (Mismatch, AnswerRaised) as wrong:
        if wrong.hints is None:
            wrong.hints = hints
        raise


def _words(value: Any) -> str:
    return value if isinstance(value, str) else show(value)
