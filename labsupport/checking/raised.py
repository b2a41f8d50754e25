"""What a call into the answer's process can end in, other than a result.

`AnswerRaised` is the answer's exception, told by its process: every field is checked, since that
process may say anything. `HostGone` is the end of the process itself; the judge turns it into a
verdict.
"""

from __future__ import annotations

from typing import Any, Literal

__all__ = ["AnswerRaised", "HostGone", "line_number"]

_LINES = 1_000_000
_WORD, _TEXT, _KINDS = 200, 10_000, 100  # characters of a name, of a text; classes


class AnswerRaised(Exception):
    """The answer raised an exception.

    kind: the name of its class, with its module unless that is builtins or the answer.
    kinds: the names of its class and all bases, without modules. message: its text.
    line: the last line of the answer in its traceback, or None. traceback: the answer's part of
    it, as text. name: what a NameError or ImportError could not find, or None. hints: they replace
    the belief and hints of the check, where these are beside the fault (asserts.apart).
    """

    def __init__(self, told: Any) -> None:
        if not isinstance(told, dict):
            raise ValueError("an exception that is not described")
        self.kind = _text(told["kind"], _WORD)
        self.kinds = tuple(_text(each, _WORD) for each in told["kinds"][:_KINDS])
        self.message = _text(told["message"])
        self.line = line_number(told["line"])
        self.traceback = _text(told["traceback"])
        self.name = _text(told["name"], _WORD) if told["name"] is not None else None
        self.hints: tuple[str, ...] | None = None
        super().__init__(f"{self.kind}: {self.message}" if self.message else self.kind)


class HostGone(Exception):
    """The answer's process has ended: it went beyond a limit (detail: which), by itself, by a
    signal, or because it wrote nonsense to the checks' channel."""

    def __init__(self, how: Literal["limit", "exit", "signal", "nonsense"], detail: str) -> None:
        super().__init__(detail)
        self.how = how
        self.detail = detail


def line_number(value: Any) -> int | None:
    """A line of the answer, or None: an int that is too long for text would break the feedback."""
    return value if type(value) is int and 0 < value < _LINES else None


def _text(value: Any, most: int = _TEXT) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{type(value).__name__} instead of str")
    return value[:most]
