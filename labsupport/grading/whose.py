"""Whose constants an answer is judged by: those of the student who handed it in.

The instructor's course has the secret from which a release drew them (checking.variants); without
it everybody has the task's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labsupport.checking.exercise import Exercise
from labsupport.checking.variants import drawn, read_secret
from labsupport.grading.store import Pending

__all__ = ["Constants", "Whose"]

Constants = dict[str, Any] | None
"""By name; None for the task's own."""


class Whose:
    """The constants of a class. root: of the instructor's course. exercises: its own, by slug.

    secret: from which they are drawn; None where all have the task's own. Raises InputError when
    its file cannot be used.
    """

    def __init__(self, root: Path, exercises: Mapping[str, Exercise]) -> None:
        self.secret = read_secret(root)
        self._exercises = exercises

    def of(self, pending: Pending) -> Constants:
        """Of all who handed in an answer: its key says that they have the same."""
        return self.constants(pending.students[0], pending.answer.slug)

    def constants(self, student: str, slug: str) -> Constants:
        """Of a student, in an exercise or its step."""
        variants = self._exercises[slug].variants
        if self.secret is None or not variants:
            return None
        return drawn(slug.partition(".")[0], variants, self.secret, student)
