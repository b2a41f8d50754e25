"""How many hints a learner has earned: one more for each different answer that failed a check.

The count lives in the course's history. Judging the same answer again adds nothing, and an answer
that could not be run at all counts for no check.
"""

from __future__ import annotations

import os
from pathlib import Path

from labsupport.checking.report import Report
from labsupport.history import History

__all__ = ["history_of", "remember"]


def history_of(root: Path) -> History:
    """The history of the course at `root`, or in the folder that LABSUPPORT_STATE names."""
    return History(None if os.environ.get("LABSUPPORT_STATE") else root / ".labsupport")


def remember(report: Report, root: Path) -> dict[str, int]:
    """Enter a report into the history of the course at `root`; the failed tries of each check."""
    if report.problem:
        return {}
    passed = {
        result.name: result.passed for result in report.results if result.verdict != "inconclusive"
    }
    tries = history_of(root).judged(report.slug, report.digest, passed)
    return {name: number for name, number in tries.items() if not passed[name]}
