"""Errors of the engine that are no verdicts."""

from __future__ import annotations

__all__ = ["EngineError", "InputError"]


class InputError(Exception):
    """What was asked for cannot be checked: the message says what was seen and what to do."""


class EngineError(Exception):
    """The checks themselves could not run or did not end; says so, and judges nothing."""
